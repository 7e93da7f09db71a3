// Analyses KQL with Microsoft's own Kusto.Language (npm @kusto/language-service-next).
// Standard input: {"tables": {table: {column: type}}, "queries": {name: text}}.
// Standard output: {name: {"diagnostics": [{code, severity, start, message}], "columns": [{name, type}]}}.
"use strict";

const fs = require("fs");
const path = require("path");
const vm = require("vm");

// The package is a transpiled .NET library that defines globals; it is no CommonJS module, so `require` finds nothing in it.
const library = path.join(__dirname, "node_modules", "@kusto", "language-service-next");
for (const file of ["bridge.min.js", "Kusto.Language.Bridge.min.js"]) {
  vm.runInThisContext(fs.readFileSync(path.join(library, file), "utf8"), file);
}

const { GlobalState, KustoCode, Symbols } = Kusto.Language;

function scalarType(name) {
  const type = Symbols.ScalarTypes.GetSymbol(name);
  if (!type) throw new Error(`unknown column type: ${name}`);
  return type;
}

function items(list) {
  return Array.from({ length: list.Count }, (_, index) => list.getItem(index));
}

function database(tables) {
  const symbols = Object.entries(tables).map(([name, columns]) => {
    const columnSymbols = Object.entries(columns).map(([column, type]) => new Symbols.ColumnSymbol(column, scalarType(type)));
    return new Symbols.TableSymbol.$ctor4(name, columnSymbols);
  });
  return new Symbols.DatabaseSymbol.$ctor1("workspace", symbols);
}

function analyse(text, globals) {
  const code = KustoCode.ParseAndAnalyze(text, globals);
  const columns = code.ResultType && code.ResultType.Columns;
  return {
    diagnostics: items(code.GetDiagnostics()).map((found) => ({
      code: found.Code,
      severity: found.Severity,
      start: found.Start,
      message: found.Message,
    })),
    columns: columns ? items(columns).map((column) => ({ name: column.Name, type: column.Type.Name })) : [],
  };
}

const { tables, queries } = JSON.parse(fs.readFileSync(0, "utf8"));
const globals = GlobalState.Default.WithDatabase(database(tables));
const analyses = Object.entries(queries).map(([name, text]) => [name, analyse(text, globals)]);
process.stdout.write(JSON.stringify(Object.fromEntries(analyses)));
