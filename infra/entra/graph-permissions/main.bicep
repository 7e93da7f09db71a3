// Grants the service's identity what it needs on Microsoft Graph. Run by a Privileged Role Administrator; grant.sh does
// the same without the Graph extension. Mail.Send is never granted here: it would be tenant-wide (docs/deploy.md).
extension microsoftGraphV1

@description('Object (principal) id of the managed identity; azd: PRATIQUE_IDENTITY_PRINCIPAL_ID')
param principalId string

@description('owned-applications also needs the identity as an owner of each application, which grant.sh adds')
@allowed([ 'tenant-wide', 'owned-applications' ])
param mode string = 'tenant-wide'

@description('Also read audit and provisioning logs through Graph; only where there is no workspace')
param readAuditLog bool = false

@description('Also find a user by name for `try`; an object id needs nothing')
param resolveUsers bool = false

// Application permissions by the id of their app role (Microsoft Graph permissions reference).
var appRoles = {
  'Application.Read.All': '9a5d68dd-52b0-4cc2-bd40-abcf44ac3a30'
  'Application.ReadWrite.OwnedBy': '18a4783c-866b-4cc7-a460-3d5e5662c884'
  'AuditLog.Read.All': 'b0afded3-3588-46d8-8b3d-9842eff778da'
  'Synchronization.ReadWrite.All': '9b50c33d-700f-43b1-b2eb-87e89b703581'
  'User.Read.All': 'df021288-bdef-4463-88db-98f22de89214'
}
var ofMode = mode == 'tenant-wide' ? [ 'Synchronization.ReadWrite.All', 'Application.Read.All' ] : [ 'Application.ReadWrite.OwnedBy' ]
var permissions = concat(ofMode, readAuditLog ? [ 'AuditLog.Read.All' ] : [], resolveUsers ? [ 'User.Read.All' ] : [])

resource graph 'Microsoft.Graph/servicePrincipals@v1.0' existing = {
  appId: '00000003-0000-0000-c000-000000000000'
}

resource grants 'Microsoft.Graph/appRoleAssignedTo@v1.0' = [for permission in permissions: {
  principalId: principalId
  resourceId: graph.id
  appRoleId: appRoles[permission]
}]

output granted array = permissions
