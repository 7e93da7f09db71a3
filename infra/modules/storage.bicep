// Storage of the service and of its host: reached by identity alone, every queue and table made beforehand.
param location string
param tags object
param name string
param deploymentContainer string

@description('Names of the queues; each is made with its -rejected (ours, with the reason) and -poison (the host\'s)')
param queueNames array

param tableNames array

@description('Copies in three zones of the region')
param zoneRedundant bool

@description('Workspace that keeps who changed a row of the journal')
param workspaceId string

@description('Refuse what does not come through a private endpoint, a trusted Azure service or an allowed range')
param restricted bool

@description('Public IPv4 addresses or ranges that are let through although access is restricted')
param allowedIpRanges array

var suffixes = [ '', '-rejected', '-poison' ]

resource account 'Microsoft.Storage/storageAccounts@2024-01-01' = {
  name: name
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: zoneRedundant ? 'Standard_ZRS' : 'Standard_LRS' }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowCrossTenantReplication: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    minimumTlsVersion: 'TLS1_2'
    supportsHttpsTrafficOnly: true
    publicNetworkAccess: 'Enabled'
    networkAcls: {
      bypass: 'AzureServices' // Event Grid delivers the vault's events as a trusted service
      defaultAction: restricted ? 'Deny' : 'Allow'
      ipRules: [for address in allowedIpRanges: { value: address, action: 'Allow' }]
    }
  }
}

resource blobService 'Microsoft.Storage/storageAccounts/blobServices@2024-01-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: { enabled: true, days: 7 }
    containerDeleteRetentionPolicy: { enabled: true, days: 7 }
  }
}

resource container 'Microsoft.Storage/storageAccounts/blobServices/containers@2024-01-01' = {
  parent: blobService
  name: deploymentContainer
  properties: { publicAccess: 'None' }
}

resource queueService 'Microsoft.Storage/storageAccounts/queueServices@2024-01-01' = {
  parent: account
  name: 'default'
}

resource queues 'Microsoft.Storage/storageAccounts/queueServices/queues@2024-01-01' = [for index in range(0, length(queueNames) * 3): {
  parent: queueService
  name: '${queueNames[index / 3]}${suffixes[index % 3]}'
}]

resource tableService 'Microsoft.Storage/storageAccounts/tableServices@2024-01-01' = {
  parent: account
  name: 'default'
}

resource tables 'Microsoft.Storage/storageAccounts/tableServices/tables@2024-01-01' = [for tableName in tableNames: {
  parent: tableService
  name: tableName
}]

// The journal is the record of what was done, and daily limits count from it.
resource log 'Microsoft.Insights/diagnosticSettings@2021-05-01-preview' = {
  name: 'who-wrote-what'
  scope: tableService
  properties: {
    workspaceId: workspaceId
    logs: [ { category: 'StorageWrite', enabled: true }, { category: 'StorageDelete', enabled: true } ]
  }
}

output name string = account.name
output id string = account.id
output blobEndpoint string = account.properties.primaryEndpoints.blob
output queueEndpoint string = account.properties.primaryEndpoints.queue
output tableEndpoint string = account.properties.primaryEndpoints.table
