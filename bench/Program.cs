using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net.Sockets;
using BenchmarkDotNet.Running;
using OrleansTempo.Bench;
using OrleansTempo.Bench.Attack;
using OrleansTempo.Bench.Load;
using OrleansTempo.Bench.Lookups;
using OrleansTempo.Bench.Micro;
using OrleansTempo.Bench.Overrides;
using OrleansTempo.Bench.Payload;
using OrleansTempo.Bench.Whole;

// Everything after `micro` is BenchmarkDotNet's own. In this process: the project it would generate for another cannot
// be built under central package management and warnings as errors.
if (args is ["micro", .. var rest])
{
    BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run([.. rest, "--inProcess", "--memory"]);
    return 0;
}

var endpoint = new Option<Uri>("--endpoint") { Description = "the OTLP receiver", DefaultValueFactory = _ => new Uri("http://127.0.0.1:4318"), CustomParser = ParseUri };
var protocol = new Option<string>("--protocol") { Description = "http or grpc", DefaultValueFactory = _ => "http" }.AcceptOnlyFromAmong("http", "grpc");
var encoding = new Option<string>("--encoding") { Description = "identity or gzip", DefaultValueFactory = _ => "identity" }.AcceptOnlyFromAmong("identity", "gzip");
var connections = new Option<int>("--connections") { Description = "with one request under way on each", DefaultValueFactory = _ => 4 };
var seconds = new Option<int>("--seconds") { Description = "measured, for each row", DefaultValueFactory = _ => 30 };
var warmUp = new Option<int>("--warm-up") { Description = "seconds of the same load before the measured ones", DefaultValueFactory = _ => 5 };
var spansPerRequest = new Option<int>("--spans-per-request") { Description = "requests are cut between traces", DefaultValueFactory = _ => 1000 };
var payload = new Option<string>("--payload") { Description = "a folder of ExportTraceServiceRequest bodies, *.otlp.pb", DefaultValueFactory = _ => PayloadBatch.UsualFolder };
var rate = new Option<int>("--rate") { Description = "spans a second of all connections together; 0 for as many as are answered" };
var processId = new Option<int?>("--pid") { Description = "of the server, for its CPU time and memory" };

var load = new Command("load", "sends the payload to a running server and prints one row of a table")
{
    endpoint, protocol, encoding, connections, seconds, warmUp, spansPerRequest, rate, payload, processId,
};
load.SetAction(parsed =>
{
    var result = LoadRun.Execute(new LoadOptions
    {
        Endpoints = [parsed.GetValue(endpoint)!],
        Grpc = parsed.GetValue(protocol) == "grpc",
        Gzip = parsed.GetValue(encoding) == "gzip",
        Connections = parsed.GetValue(connections),
        Seconds = parsed.GetValue(seconds),
        WarmUpSeconds = parsed.GetValue(warmUp),
        SpansPerRequest = parsed.GetValue(spansPerRequest),
        SpansPerSecond = parsed.GetValue(rate),
        PayloadFolder = parsed.GetValue(payload)!,
        ProcessIds = parsed.GetValue(processId) is { } id ? [id] : [],
    });
    Console.WriteLine(MarkdownTable.Header(LoadResult.Columns));
    Console.WriteLine(MarkdownTable.Row(result.Cells));
    return 0;
});

(bool Grpc, bool Gzip, int SpansPerRequest)[] allRows = [(false, false, 1000), (false, true, 1000), (false, false, 10), (true, false, 1000)];
string[] rowNames = [.. allRows.Select(row => new LoadOptions { Grpc = row.Grpc, Gzip = row.Gzip, SpansPerRequest = row.SpansPerRequest, PayloadFolder = "" }.Name)];
var rows = new Option<string[]>("--rows") { Description = "which of them", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => rowNames }.AcceptOnlyFromAmong(rowNames);
var host = new Option<string>("--host") { Description = "what to measure: silo, one alone; or silos, a cluster of three, with load through all of them", DefaultValueFactory = _ => "silo" }.AcceptOnlyFromAmong("silo", "silos");
var connectionCounts = new Option<int[]>("--connections") { Description = "with one request under way on each; each row is measured with each of these numbers", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [4] };
var wal = new Option<string>("--wal") { Description = "where the write-ahead log is: file, or object in the object store", DefaultValueFactory = _ => "file" }.AcceptOnlyFromAmong("file", "object");
var whole = new Command("whole", "starts Prometheus and the server, measures the rows, and checks that nothing was lost")
{
    rows, host, wal, rate, connectionCounts, seconds, warmUp, payload,
};
whole.SetAction((parsed, _) => WholeBench.ExecuteAsync(parsed.GetValue(host)!, parsed.GetValue(wal)!,
[
    .. allRows.SelectMany(row => parsed.GetValue(connectionCounts)!, (row, count) => new LoadOptions
    {
        Grpc = row.Grpc,
        Gzip = row.Gzip,
        SpansPerRequest = row.SpansPerRequest,
        SpansPerSecond = parsed.GetValue(rate),
        Connections = count,
        Seconds = parsed.GetValue(seconds),
        WarmUpSeconds = parsed.GetValue(warmUp),
        SampledTracesPerSecond = 2,
        PayloadFolder = parsed.GetValue(payload)!,
    }).Where(row => parsed.GetValue(rows)!.Contains(row.Name)),
]));

var blocks = new Option<int>("--blocks") { Description = "to look traces up in", DefaultValueFactory = _ => 1000 };
var spansPerBlock = new Option<int>("--spans-per-block") { Description = "rounded up to whole batches of 1000", DefaultValueFactory = _ => 5000 };
var lookups = new Option<int>("--lookups") { Description = "measured, for each row", DefaultValueFactory = _ => 10_000 };
var lookup = new Command("lookups", "writes blocks, and measures how long a trace takes to be found by its ID")
{
    blocks, spansPerBlock, lookups, payload,
};
lookup.SetAction((parsed, _) => LookupBench.ExecuteAsync(
    parsed.GetValue(blocks),
    parsed.GetValue(spansPerBlock),
    parsed.GetValue(lookups),
    parsed.GetValue(payload)!));

var collection = new Command("collection", "collects 1,000,000 series and says what each takes");
collection.SetAction(_ => Collection.Print(Console.Out));

var snapshot = new Command("snapshot", "hands 1,000,000 series on to another generator and says what it takes");
snapshot.SetAction(_ => Snapshot.Print(Console.Out));

var tenants = new Option<int>("--tenants") { Description = "with an entry of their own each", DefaultValueFactory = _ => 10_000 };
var overrides = new Command("overrides", "writes a file of many tenants' overrides and says what reading it again takes") { tenants };
overrides.SetAction(parsed => OverridesBench.Execute(parsed.GetValue(tenants)));

string[] inputNames = [.. AttackInputs.All.Select(static input => input.Name)];
var inputs = new Option<string[]>("--inputs") { Description = "which of them", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => inputNames }.AcceptOnlyFromAmong(inputNames);
var silo = new Option<string?>("--silo") { Description = "the OrleansTempo.Silo.dll of another build, to be compared with; the one built with the bench where it is not said" };
var attack = new Command("attack", "sends small requests that are made to cost a lot, and ordinary ones of the same length, and prints what both cost") { inputs, silo };
attack.SetAction((parsed, _) => AttackBench.ExecuteAsync([.. AttackInputs.All.Where(input => parsed.GetValue(inputs)!.Contains(input.Name))], parsed.GetValue(silo)));

try
{
    return await new RootCommand("Measures OrleansTempo; bench/README.md says what is printed. `micro` runs the BenchmarkDotNet benchmarks.") { load, whole, lookup, collection, snapshot, overrides, attack }
        .Parse(args)
        .InvokeAsync(new InvocationConfiguration { EnableDefaultExceptionHandler = false });
}
catch (Exception e) when (e is IOException or ArgumentException or SocketException or TimeoutException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}

static Uri? ParseUri(ArgumentResult result)
{
    if (Uri.TryCreate(result.Tokens.Single().Value, UriKind.Absolute, out var uri))
        return uri;
    result.AddError($"--endpoint {result.Tokens.Single().Value}: an absolute URL is needed, such as http://127.0.0.1:4318");
    return null;
}
