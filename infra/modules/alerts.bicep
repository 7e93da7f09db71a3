// Alerts: one that hears of quarantines through Azure Monitor, and five that watch the service itself.
param location string
param tags object
param name string
param workspaceId string
param appName string
param appHostName string

@description('Addresses that get every alert')
param emails array

@description('Object id of the application registration (infra/entra/sign-in); empty for no webhook')
param webhookApplicationObjectId string

@description('Its identifier URI')
param webhookIdentifierUri string

var nobody = 'let App = "";'
var thisApp = 'let App = "${appName}";'

// Each query returns rows of What and Found. Windows are among those that a rule can have; what is counted runs once a
// window, or one finding would be told twice. What is set aside never resolves by itself: it still lies there.
var health = [
  {
    name: 'no-sweep'
    title: 'Pratique: no sweep for 20 minutes'
    what: 'Nobody watches the provisioning jobs. Runbook: docs/operations.md'
    query: replace(loadTextContent('../queries/no_sweep.kql'), nobody, thisApp)
    severity: 1
    operator: 'LessThan'
    threshold: 1
    frequency: 'PT5M'
    window: 'PT30M'
    resolves: true
  }
  {
    name: 'failures'
    title: 'Pratique: a function keeps failing'
    what: 'Three or more failed invocations of one function in 15 minutes. Runbook: docs/operations.md'
    query: replace(loadTextContent('../queries/failures.kql'), nobody, thisApp)
    severity: 2
    operator: 'GreaterThan'
    threshold: 2 // the sweep and the audit query run three times in the window
    frequency: 'PT15M'
    window: 'PT15M'
    resolves: true
  }
  {
    name: 'forecast'
    title: 'Pratique: the forecast failed'
    what: 'Nobody was told of credentials that end, and none was renewed ahead; the next is tomorrow. Runbook: docs/operations.md'
    query: replace(loadTextContent('../queries/forecast.kql'), nobody, thisApp)
    severity: 2
    operator: 'GreaterThan'
    threshold: 0
    frequency: 'PT1H'
    window: 'PT1H'
    resolves: false
  }
  {
    name: 'set-aside'
    title: 'Pratique: messages were set aside'
    what: 'A -rejected or -poison queue is not empty. Runbook: docs/operations.md'
    query: replace(loadTextContent('../queries/set_aside.kql'), nobody, thisApp)
    severity: 2
    operator: 'GreaterThan'
    threshold: 0
    frequency: 'PT15M'
    window: 'PT15M'
    resolves: false
  }
  {
    name: 'blind'
    title: 'Pratique: a source is blind'
    what: 'A source cannot be read, often for want of a permission. Runbook: docs/operations.md'
    query: replace(loadTextContent('../queries/blind.kql'), nobody, thisApp)
    severity: 2
    operator: 'GreaterThan'
    threshold: 0
    frequency: 'PT15M'
    window: 'PT15M'
    resolves: true
  }
]

resource people 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${name}-people'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'pratique'
    enabled: true
    emailReceivers: [for address in emails: {
      name: 'mail-${uniqueString(address)}'
      emailAddress: address
      useCommonAlertSchema: true
    }]
  }
}

// Azure Monitor signs in as itself for this webhook: there is no key in the address.
resource service 'Microsoft.Insights/actionGroups@2023-01-01' = if (!empty(webhookApplicationObjectId)) {
  name: '${name}-service'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'pratiquehook'
    enabled: true
    webhookReceivers: [
      {
        name: 'pratique'
        serviceUri: 'https://${appHostName}/api/alerts/secure'
        useCommonAlertSchema: true
        useAadAuth: true
        objectId: webhookApplicationObjectId
        identifierUri: webhookIdentifierUri
        tenantId: tenant().tenantId
      }
    ]
  }
}

var shipped = loadTextContent('../../queries/quarantine_events.kql')

// Never resolves by itself: "resolved" would only say that no new record came, and people would read that the
// quarantine is over. A record that arrives up to a quarter of an hour late is still in the next window.
resource quarantine 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = {
  name: '${name}-quarantine'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: 'Pratique: an application is quarantined'
    description: 'The provisioning service put a synchronization job into quarantine (audit log). Pratique looks at it by itself.'
    severity: 2
    enabled: true
    scopes: [ workspaceId ]
    evaluationFrequency: 'PT15M'
    windowSize: 'PT30M'
    criteria: {
      allOf: [
        {
          // A rule whose query fails for a week is switched off for good, and a workspace that has no AuditLogs yet fails
          // it. The service asks without this word: to it a missing table is a source that is blind.
          query: replace(shipped, 'union (datatable', 'union isfuzzy=true (datatable')
          timeAggregation: 'Count'
          operator: 'GreaterThan'
          threshold: 0
          dimensions: [
            { name: 'ServicePrincipalId', operator: 'Include', values: [ '*' ] }
            { name: 'ApplicationName', operator: 'Include', values: [ '*' ] }
          ]
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    autoMitigate: false
    skipQueryValidation: true // a new workspace has no AuditLogs until the first record arrives
    actions: {
      actionGroups: empty(webhookApplicationObjectId) ? [ people.id ] : [ people.id, service.id ]
    }
  }
}

resource rules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [for rule in health: {
  name: '${name}-${rule.name}'
  location: location
  tags: tags
  kind: 'LogAlert'
  properties: {
    displayName: rule.title
    description: rule.what
    severity: rule.severity
    enabled: true
    scopes: [ workspaceId ]
    evaluationFrequency: rule.frequency
    windowSize: rule.window
    criteria: {
      allOf: [
        {
          query: rule.query
          metricMeasureColumn: 'Found'
          timeAggregation: 'Total'
          operator: rule.operator
          threshold: rule.threshold
          dimensions: [
            { name: 'What', operator: 'Include', values: [ '*' ] }
          ]
          failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
        }
      ]
    }
    autoMitigate: rule.resolves
    skipQueryValidation: true
    actions: { actionGroups: [ people.id ] }
  }
}]
