// What the service's identity may do on Azure resources, each at the one resource it is about. Graph permissions are
// granted apart: infra/entra/graph-permissions.
param principalId string
param storageName string
param vaultName string
param applicationInsightsName string

@description('The service puts minted tokens into the vault, and so needs Key Vault Secrets Officer instead of User')
param minting bool

var blobDataOwner = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b' // the host: package, locks of timers
var queueDataContributor = '974c5e8b-45b9-4653-ba55-5f855dd0fb88' // take messages, put signals, -rejected and -poison
var tableDataContributor = '0a9a7e1f-b9d0-4cc4-a60d-0319b160aaa3' // the service's rows
var monitoringMetricsPublisher = '3913510d-42f4-4e42-8a64-420c390055eb' // telemetry without a key
var secretsUser = '4633458b-17de-408a-b874-0445c86b69e6' // read the vendors' tokens
var secretsOfficer = 'b86a8fe4-44ce-4948-aee5-eccb2c155cd7' // also put and disable versions

var onStorage = [ blobDataOwner, queueDataContributor, tableDataContributor ]
var onVault = minting ? secretsOfficer : secretsUser

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' existing = {
  name: storageName
}

resource vault 'Microsoft.KeyVault/vaults@2024-11-01' existing = {
  name: vaultName
}

resource applicationInsights 'Microsoft.Insights/components@2020-02-02' existing = {
  name: applicationInsightsName
}

resource storageRoles 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for role in onStorage: {
  name: guid(account.id, principalId, role)
  scope: account
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', role)
  }
}]

resource vaultRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(vault.id, principalId, onVault)
  scope: vault
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', onVault)
  }
}

resource telemetryRole 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(applicationInsights.id, principalId, monitoringMetricsPublisher)
  scope: applicationInsights
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', monitoringMetricsPublisher)
  }
}
