// App Service authentication in front of every route: a request without a token of this tenant's application gets 401.
// Keys and roles are still checked behind it. No secret is needed, for nobody is sent to a sign-in page.
param appName string

@description('Client id of the application registration that infra/entra/sign-in makes; empty switches sign-in off')
param clientId string

@description('Its identifier URI, the audience of version 1 tokens')
param identifierUri string

@description('Applications that may call, by client id')
param allowedClientIds array

@description('Paths that are let through; each must be guarded by a function key or a signature')
param pathsWithoutSignIn array

var enabled = !empty(clientId)

resource app 'Microsoft.Web/sites@2024-04-01' existing = {
  name: appName
}

resource settings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'authsettingsV2'
  properties: {
    platform: { enabled: enabled, runtimeVersion: '~1' }
    globalValidation: {
      requireAuthentication: enabled
      unauthenticatedClientAction: enabled ? 'Return401' : 'AllowAnonymous'
      excludedPaths: pathsWithoutSignIn
    }
    httpSettings: { requireHttps: true }
    identityProviders: enabled ? {
      azureActiveDirectory: {
        enabled: true
        registration: {
          clientId: clientId
          openIdIssuer: '${environment().authentication.loginEndpoint}${tenant().tenantId}/v2.0'
        }
        validation: {
          allowedAudiences: [ clientId, identifierUri ]
          defaultAuthorizationPolicy: { allowedApplications: allowedClientIds }
        }
      }
    } : {}
    login: { tokenStore: { enabled: false } }
  }
}
