// Where the service's own telemetry goes, and Entra's logs unless a workspace exists already.
param location string
param tags object
param workspaceName string
param applicationInsightsName string

@description('Resource id of a workspace to use instead of a new one; empty makes one')
param existingWorkspaceId string

@minValue(30)
@maxValue(730)
param retentionDays int

@description('Most gigabytes a day of the new workspace, -1 for no limit; beyond it alerts and the audit query see nothing')
param dailyCapGb int

resource workspace 'Microsoft.OperationalInsights/workspaces@2025-02-01' = if (empty(existingWorkspaceId)) {
  name: workspaceName
  location: location
  tags: tags
  properties: {
    sku: { name: 'PerGB2018' }
    retentionInDays: retentionDays
    features: {
      disableLocalAuth: true
      enableLogAccessUsingOnlyResourcePermissions: true
    }
    workspaceCapping: { dailyQuotaGb: dailyCapGb }
  }
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' = {
  name: applicationInsightsName
  location: location
  tags: tags
  kind: 'web'
  properties: {
    Application_Type: 'web'
    WorkspaceResourceId: empty(existingWorkspaceId) ? workspace.id : existingWorkspaceId
    DisableLocalAuth: true
  }
}

output workspaceId string = empty(existingWorkspaceId) ? workspace.id : existingWorkspaceId
output applicationInsightsName string = applicationInsights.name
// Names an address and a public key of the component; with local authentication off it lets nobody in.
output applicationInsightsConnection string = applicationInsights.properties.ConnectionString
