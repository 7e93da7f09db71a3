// Sends Entra's audit and provisioning logs to a workspace. Run by a Security Administrator who is signed in as a person:
// the API refuses service principals. A tenant can have only a few such settings; reuse one if it sends both already.
targetScope = 'subscription'

@description('Resource id of the workspace; azd: PRATIQUE_WORKSPACE_ID')
param workspaceId string

@description('Name of the setting')
param name string = 'pratique'

resource setting 'microsoft.aadiam/diagnosticSettings@2017-04-01' = {
  name: name
  scope: tenant()
  properties: {
    workspaceId: workspaceId
    logs: [for category in [ 'AuditLogs', 'ProvisioningLogs' ]: { category: category, enabled: true }]
  }
}
