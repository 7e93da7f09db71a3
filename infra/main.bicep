// Everything that the service needs in one subscription, for `azd up`. What other people's rights are needed for stands
// apart, in infra/entra. The page to follow: docs/deploy.md.
targetScope = 'subscription'

@minLength(1)
@maxLength(40)
@description('Name of this environment; names of resources are made from it')
param environmentName string

@minLength(1)
@description('Region; one that offers Flex Consumption')
@metadata({ azd: { type: 'location' } })
param location string

@description('observe: detect, diagnose, tell. act: also rotate, lift and prove')
@allowed([ 'observe', 'act' ])
param mode string = 'observe'

@description('Exceptions to the mode: <service principal id>=<mode>, separated by commas')
param modeByApplication string = ''

@description('Applications that are watched: tenant, owned, or service principal ids separated by commas')
param applications string = 'tenant'

@description('off stops all acting at the next step')
@allowed([ 'on', 'off' ])
param acting string = 'on'

@description('New tokens are made by vendors\' APIs where a secret\'s tags say so; the identity then gets Key Vault Secrets Officer')
param minting bool = false

@description('Name of the vault secret that holds the address of the Teams workflow; the address itself is never a parameter')
param teamsWebhookSecretName string = ''

@description('Mailbox that notices are sent from; empty for no mail')
param mailSender string = ''

@description('Addresses that get every notice, separated by commas')
param mailRecipients string = ''

@description('Addresses that get Azure Monitor\'s alerts, separated by commas')
param alertEmails string = ''

@description('Resource id of a Log Analytics workspace that already receives Entra\'s logs; empty makes one')
param existingWorkspaceId string = ''

@description('Client id of the application that infra/entra/sign-in makes; empty leaves App Service authentication off')
param signInClientId string = ''

@description('Object id of that application; with it Azure Monitor calls the service by a secure webhook')
param signInApplicationObjectId string = ''

@description('Identifier URI of that application')
param signInIdentifierUri string = ''

@description('Paths that sign-in lets through; each must be guarded by a function key or a signature')
param pathsWithoutSignIn array = []

@description('Storage and vault are reached through private endpoints alone')
param privateNetworking bool = false

@description('Public IPv4 addresses or ranges that private networking lets through to storage and vault, separated by commas')
param allowedIpRanges string = ''

@description('Spread over the zones of the region; one that has zones')
param zoneRedundant bool = false

@description('Most instances at once')
param maximumInstanceCount int = 40

@description('Memory of one instance in megabytes')
@allowed([ 512, 2048, 4096 ])
param instanceMemoryMB int = 2048

@description('Days that a new workspace keeps logs')
param retentionDays int = 90

@description('Most gigabytes a day of a new workspace; -1 for no limit')
param dailyCapGb int = -1

@description('Any other setting of settings.json, by name')
param otherSettings object = {}

var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }
var appName = 'func-pratique-${token}'
var deploymentContainer = 'app-package-${token}'
var emails = filter(map(split(alertEmails, ','), one => trim(one)), one => !empty(one))
var ranges = filter(map(split(allowedIpRanges, ','), one => trim(one)), one => !empty(one))

var signalsQueue = 'pratique-signals'
var vaultEventsQueue = 'pratique-vault-events'
var tableNames = [
  'pratiqueheard'
  'pratiqueincidents'
  'pratiquejournal'
  'pratiqueleases'
  'pratiqueparked'
  'pratiquesources'
  'pratiquetokens'
]

// Who may call through sign-in: Azure Monitor's webhook ("AzNS AAD Webhook") and, for people, the Azure CLI.
var azureMonitorWebhook = '461e8683-5575-4561-ac7f-899cc907d62a'
var azureCli = '04b07795-8ddb-461a-bbee-02f9e1bf7b46'

resource group 'Microsoft.Resources/resourceGroups@2024-11-01' = {
  name: 'rg-pratique-${environmentName}'
  location: location
  tags: tags
}

module identity 'modules/identity.bicep' = {
  scope: group
  name: 'identity'
  params: {
    location: location
    tags: tags
    name: 'id-pratique-${token}'
  }
}

module monitoring 'modules/monitoring.bicep' = {
  scope: group
  name: 'monitoring'
  params: {
    location: location
    tags: tags
    workspaceName: 'log-pratique-${token}'
    applicationInsightsName: 'appi-pratique-${token}'
    existingWorkspaceId: existingWorkspaceId
    retentionDays: retentionDays
    dailyCapGb: dailyCapGb
  }
}

// The workspace may stand in another resource group or subscription, where its role assignment belongs.
var workspaceParts = split(existingWorkspaceId, '/')

module workspaceAccess 'modules/workspace-access.bicep' = {
  scope: resourceGroup(empty(existingWorkspaceId) ? subscription().subscriptionId : workspaceParts[2], empty(existingWorkspaceId) ? group.name : workspaceParts[4])
  name: 'workspace-access-${token}'
  dependsOn: [ monitoring ]
  params: {
    workspaceName: empty(existingWorkspaceId) ? 'log-pratique-${token}' : workspaceParts[8]
    principalId: identity.outputs.principalId
  }
}

module storage 'modules/storage.bicep' = {
  scope: group
  name: 'storage'
  params: {
    location: location
    tags: tags
    name: 'stpratique${token}'
    deploymentContainer: deploymentContainer
    queueNames: [ signalsQueue, vaultEventsQueue ]
    tableNames: tableNames
    zoneRedundant: zoneRedundant
    workspaceId: monitoring.outputs.workspaceId
    restricted: privateNetworking
    allowedIpRanges: ranges
  }
}

module vault 'modules/keyvault.bicep' = {
  scope: group
  name: 'vault'
  params: {
    location: location
    tags: tags
    name: 'kvpratique${token}'
    workspaceId: monitoring.outputs.workspaceId
    restricted: privateNetworking
    allowedIpRanges: ranges
  }
}

module roles 'modules/roles.bicep' = {
  scope: group
  name: 'roles'
  params: {
    principalId: identity.outputs.principalId
    storageName: storage.outputs.name
    vaultName: vault.outputs.name
    applicationInsightsName: monitoring.outputs.applicationInsightsName
    minting: minting
  }
}

module topic 'modules/topic.bicep' = {
  scope: group
  name: 'topic'
  params: {
    location: location
    tags: tags
    name: 'evgt-pratique-${token}'
    vaultId: vault.outputs.id
  }
}

module events 'modules/events.bicep' = {
  scope: group
  name: 'events'
  params: {
    topicName: topic.outputs.name
    topicPrincipalId: topic.outputs.principalId
    storageName: storage.outputs.name
    queueName: vaultEventsQueue
  }
}

module network 'modules/network.bicep' = if (privateNetworking) {
  scope: group
  name: 'network'
  params: {
    location: location
    tags: tags
    name: 'vnet-pratique-${token}'
    storageId: storage.outputs.id
    vaultId: vault.outputs.id
  }
}

// The table's defaults first, then what the operator adds, then what this template knows better than either.
var table = any(loadJsonContent('settings.json'))
var defaults = toObject(filter(table.settings, row => contains(row, 'default') && !empty(row.default)), row => row.name, row => row.default)
var given = {
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identity.outputs.clientId};Authorization=AAD'
  APPLICATIONINSIGHTS_CONNECTION_STRING: monitoring.outputs.applicationInsightsConnection
  AZURE_CLIENT_ID: identity.outputs.clientId
  AzureWebJobsStorage__blobServiceUri: storage.outputs.blobEndpoint
  AzureWebJobsStorage__clientId: identity.outputs.clientId
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__queueServiceUri: storage.outputs.queueEndpoint
  AzureWebJobsStorage__tableServiceUri: storage.outputs.tableEndpoint
  KEY_VAULT_URL: vault.outputs.uri
  LOG_ANALYTICS_WORKSPACE_ID: workspaceAccess.outputs.customerId
  MAIL_RECIPIENTS: mailRecipients
  MAIL_SENDER: mailSender
  PRATIQUE_ACTING: acting
  PRATIQUE_APPLICATIONS: applications
  PRATIQUE_IDENTITY: identity.outputs.principalId
  PRATIQUE_MINT: minting ? 'on' : 'off'
  PRATIQUE_MODE: mode
  PRATIQUE_MODE_BY_APPLICATION: modeByApplication
  PRATIQUE_SIGN_IN: empty(signInClientId) ? 'off' : 'required'
  TEAMS_WEBHOOK_SECRET: teamsWebhookSecretName
}

module app 'modules/app.bicep' = {
  scope: group
  name: 'app'
  dependsOn: [ roles ]
  params: {
    location: location
    tags: tags
    name: appName
    planName: 'plan-pratique-${token}'
    identityId: identity.outputs.id
    settings: union(defaults, otherSettings, given)
    packageAddress: '${storage.outputs.blobEndpoint}${deploymentContainer}'
    subnetId: privateNetworking ? network.outputs.appSubnetId : ''
    zoneRedundant: zoneRedundant
    maximumInstanceCount: maximumInstanceCount
    instanceMemoryMB: instanceMemoryMB
  }
}

// Deployed without sign-in too, where it switches off what an earlier deployment switched on.
module auth 'modules/auth.bicep' = {
  scope: group
  name: 'auth'
  params: {
    appName: app.outputs.name
    clientId: signInClientId
    identifierUri: signInIdentifierUri
    allowedClientIds: [ azureMonitorWebhook, azureCli ]
    pathsWithoutSignIn: pathsWithoutSignIn
  }
}

module alerts 'modules/alerts.bicep' = {
  scope: group
  name: 'alerts'
  params: {
    location: workspaceAccess.outputs.location
    tags: tags
    name: 'pratique-${environmentName}'
    workspaceId: monitoring.outputs.workspaceId
    appName: appName
    appHostName: app.outputs.hostName
    emails: emails
    webhookApplicationObjectId: empty(signInClientId) ? '' : signInApplicationObjectId
    webhookIdentifierUri: signInIdentifierUri
  }
}

module workbook 'modules/workbook.bicep' = {
  scope: group
  name: 'workbook'
  params: {
    location: location
    tags: tags
    workspaceId: monitoring.outputs.workspaceId
    appName: appName
  }
}

// With these, and `az login`, the command line works from a desk: docs/deploy.md
output AzureWebJobsStorage__queueServiceUri string = storage.outputs.queueEndpoint
output AzureWebJobsStorage__tableServiceUri string = storage.outputs.tableEndpoint
output KEY_VAULT_URL string = vault.outputs.uri
output LOG_ANALYTICS_WORKSPACE_ID string = workspaceAccess.outputs.customerId
output PRATIQUE_IDENTITY string = identity.outputs.principalId
output PRATIQUE_MINT string = minting ? 'on' : 'off'

output AZURE_FUNCTION_NAME string = app.outputs.name
output AZURE_KEY_VAULT_NAME string = vault.outputs.name
output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output AZURE_TENANT_ID string = tenant().tenantId
output PRATIQUE_IDENTITY_CLIENT_ID string = identity.outputs.clientId
output PRATIQUE_IDENTITY_PRINCIPAL_ID string = identity.outputs.principalId
output PRATIQUE_WORKSPACE_ID string = monitoring.outputs.workspaceId
output SERVICE_API_NAME string = app.outputs.name
