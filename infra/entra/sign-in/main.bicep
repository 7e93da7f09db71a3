// The application that people and Azure Monitor sign in to before the service answers. Run by an Application Administrator
// who may also consent to application permissions (Privileged Role Administrator, or Cloud Application Administrator).
extension microsoftGraphV1

@description('The environment\'s name, as in azd')
param environmentName string

@description('Object id of the group whose members operate the service; empty assigns nobody')
param operatorsGroupId string = ''

@description('Object ids of those who run `azd provision`: only an owner may point an action group at the application')
param ownerIds array = []

var identifierUri = 'api://${tenant().tenantId}/pratique-${environmentName}'
var azureMonitorWebhook = '461e8683-5575-4561-ac7f-899cc907d62a'
var azureCli = '04b07795-8ddb-461a-bbee-02f9e1bf7b46'
var webhookRole = guid(identifierUri, 'ActionGroupsSecureWebhook')
var operatorRole = guid(identifierUri, 'Pratique.Operator')
var callScope = guid(identifierUri, 'call')

resource application 'Microsoft.Graph/applications@v1.0' = {
  uniqueName: 'pratique-${environmentName}'
  displayName: 'Pratique (${environmentName})'
  signInAudience: 'AzureADMyOrg'
  identifierUris: [ identifierUri ]
  owners: { relationships: ownerIds }
  api: {
    requestedAccessTokenVersion: 2
    oauth2PermissionScopes: [
      {
        id: callScope
        value: 'call'
        type: 'User'
        isEnabled: true
        adminConsentDisplayName: 'Call Pratique'
        adminConsentDescription: 'Ask Pratique about provisioning jobs, as the signed-in person'
      }
    ]
    preAuthorizedApplications: [
      { appId: azureCli, delegatedPermissionIds: [ callScope ] }
    ]
  }
  appRoles: [
    {
      id: webhookRole
      value: 'ActionGroupsSecureWebhook'
      displayName: 'ActionGroupsSecureWebhook'
      description: 'Azure Monitor may send alerts'
      allowedMemberTypes: [ 'Application' ]
      isEnabled: true
    }
    {
      id: operatorRole
      value: 'Pratique.Operator'
      displayName: 'Pratique operator'
      description: 'May list, diagnose and ask for a look'
      allowedMemberTypes: [ 'User', 'Application' ]
      isEnabled: true
    }
  ]
}

resource service 'Microsoft.Graph/servicePrincipals@v1.0' = {
  appId: application.appId
  appRoleAssignmentRequired: true
}

// Azure Monitor's own application ("AzNS AAD Webhook"). Where the tenant does not have it yet: az ad sp create --id <this id>
resource azureMonitor 'Microsoft.Graph/servicePrincipals@v1.0' existing = {
  appId: azureMonitorWebhook
}

resource webhookMay 'Microsoft.Graph/appRoleAssignedTo@v1.0' = {
  principalId: azureMonitor.id
  resourceId: service.id
  appRoleId: webhookRole
}

resource operatorsMay 'Microsoft.Graph/appRoleAssignedTo@v1.0' = if (!empty(operatorsGroupId)) {
  principalId: operatorsGroupId
  resourceId: service.id
  appRoleId: operatorRole
}

output SIGN_IN_CLIENT_ID string = application.appId
output SIGN_IN_APPLICATION_OBJECT_ID string = application.id
output SIGN_IN_IDENTIFIER_URI string = identifierUri
