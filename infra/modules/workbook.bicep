// One page for people: what the service did, what it cannot see, and what the provisioning logs say.
param location string
param tags object
param workspaceId string
param appName string

resource workbook 'Microsoft.Insights/workbooks@2023-06-01' = {
  name: guid(resourceGroup().id, 'pratique-workbook')
  location: location
  tags: tags
  kind: 'shared'
  properties: {
    displayName: 'Pratique'
    category: 'workbook'
    version: '1.0'
    sourceId: workspaceId
    serializedData: replace(replace(loadTextContent('../workbook.json'), '{app}', appName), '{workspace}', workspaceId)
  }
}
