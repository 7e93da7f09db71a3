// The Functions app on Flex Consumption: storage, telemetry and package by identity. What the plan ignores or rejects
// (FUNCTIONS_WORKER_RUNTIME, WEBSITE_* and the like) is not set; tests/infra holds the list.
param location string
param tags object
param name string
param planName string
param identityId string

@description('Every setting of the app; made in main.bicep from settings.json')
param settings object

@description('Address of the blob container that holds the package')
param packageAddress string

@description('Subnet that outgoing calls leave through; empty for none')
param subnetId string

param zoneRedundant bool

@minValue(40)
@maxValue(1000)
param maximumInstanceCount int

@allowed([ 512, 2048, 4096 ])
param instanceMemoryMB int

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: { name: 'FC1', tier: 'FlexConsumption' }
  properties: {
    reserved: true
    zoneRedundant: zoneRedundant
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: union(tags, { 'azd-service-name': 'api' })
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    keyVaultReferenceIdentity: identityId
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    siteConfig: {
      ftpsState: 'Disabled'
      http20Enabled: true
      minTlsVersion: '1.2'
    }
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: packageAddress
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      runtime: { name: 'python', version: '3.13' }
      scaleAndConcurrency: {
        maximumInstanceCount: maximumInstanceCount
        instanceMemoryMB: instanceMemoryMB
      }
    }
  }
}

resource appSettings 'Microsoft.Web/sites/config@2024-04-01' = {
  parent: app
  name: 'appsettings'
  properties: settings
}

output name string = app.name
output hostName string = app.properties.defaultHostName
