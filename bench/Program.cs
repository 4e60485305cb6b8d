using System.CommandLine;
using System.CommandLine.Parsing;
using System.Net.Sockets;
using BenchmarkDotNet.Running;
using OrleansTempo.Bench;
using OrleansTempo.Bench.Attack;
using OrleansTempo.Bench.Cluster;
using OrleansTempo.Bench.Load;
using OrleansTempo.Bench.Log;
using OrleansTempo.Bench.Lookups;
using OrleansTempo.Bench.Micro;
using OrleansTempo.Bench.Overrides;
using OrleansTempo.Bench.Payload;
using OrleansTempo.Bench.Whole;
using OrleansTempo.Harness.Clusters;

// Everything after `micro` is passed to BenchmarkDotNet. It runs in this process, because the project it would generate for
// another one does not build under central package management with warnings as errors.
if (args is ["micro", .. var rest])
{
    BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run([.. rest, "--inProcess", "--memory"]);
    return 0;
}

var endpoint = new Option<Uri>("--endpoint") { Description = "the OTLP receiver", DefaultValueFactory = _ => new Uri("http://127.0.0.1:4318"), CustomParser = ParseUri };
var protocol = new Option<string>("--protocol") { Description = "http or grpc", DefaultValueFactory = _ => "http" }.AcceptOnlyFromAmong("http", "grpc");
var encoding = new Option<string>("--encoding") { Description = "identity or gzip", DefaultValueFactory = _ => "identity" }.AcceptOnlyFromAmong("identity", "gzip");
var connections = new Option<int>("--connections") { Description = "number of connections, each with one request under way", DefaultValueFactory = _ => 4 };
var seconds = new Option<int>("--seconds") { Description = "measured seconds per row", DefaultValueFactory = _ => 30 };
var warmUp = new Option<int>("--warm-up") { Description = "seconds of the same load before the measurement", DefaultValueFactory = _ => 5 };
var spansPerRequest = new Option<int>("--spans-per-request") { Description = "minimum number of spans in a request; requests are split between traces", DefaultValueFactory = _ => 1000 };
var payload = new Option<string>("--payload") { Description = "a folder of ExportTraceServiceRequest bodies, *.otlp.pb", DefaultValueFactory = _ => PayloadBatch.UsualFolder };
var rate = new Option<int>("--rate") { Description = "spans per second over all connections; 0 for as fast as the server answers" };
var processId = new Option<int?>("--pid") { Description = "process ID of the server, for its CPU time and memory" };

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
var rows = new Option<string[]>("--rows") { Description = "the rows to measure", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => rowNames }.AcceptOnlyFromAmong(rowNames);
var host = new Option<string>("--host") { Description = "what to measure: silo, a single one; or silos, a cluster of three with load on all of them", DefaultValueFactory = _ => "silo" }.AcceptOnlyFromAmong("silo", "silos");
var connectionCounts = new Option<int[]>("--connections") { Description = "number of connections, each with one request under way; each row is measured with each number", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [4] };
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

var blocks = new Option<int>("--blocks") { Description = "number of blocks to look up traces in", DefaultValueFactory = _ => 1000 };
var spansPerBlock = new Option<int>("--spans-per-block") { Description = "number of spans in a block, rounded up to whole batches of 1000", DefaultValueFactory = _ => 5000 };
var lookups = new Option<int>("--lookups") { Description = "measured lookups per row", DefaultValueFactory = _ => 10_000 };
var lookup = new Command("lookups", "writes blocks, and measures how long it takes to find a trace by ID")
{
    blocks, spansPerBlock, lookups, payload,
};
lookup.SetAction((parsed, _) => LookupBench.ExecuteAsync(
    parsed.GetValue(blocks),
    parsed.GetValue(spansPerBlock),
    parsed.GetValue(lookups),
    parsed.GetValue(payload)!));

var callers = new Option<int[]>("--callers") { Description = "number of callers, each with one append under way; each latency is measured with each number", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [1, 4] };
var latencies = new Option<int[]>("--latencies") { Description = "what a put takes in ms; 0 for a directory", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => [0, 20] };
var logSeconds = new Option<int>("--seconds") { Description = "measured seconds per row", DefaultValueFactory = _ => 10 };
var logSpans = new Option<int>("--spans-per-request") { Description = "minimum number of spans in a request", DefaultValueFactory = _ => 10 };
var log = new Command("log", "appends to a write-ahead log in an object store, and prints how long callers wait") { callers, latencies, logSpans, logSeconds, payload };
log.SetAction((parsed, _) => LogBench.ExecuteAsync(
    parsed.GetValue(callers)!,
    [.. parsed.GetValue(latencies)!.Select(static ms => TimeSpan.FromMilliseconds(ms))],
    parsed.GetValue(logSpans),
    parsed.GetValue(logSeconds),
    parsed.GetValue(payload)!));

var collection = new Command("collection", "collects 1,000,000 series, and prints the cost per series");
collection.SetAction(_ => Collection.Print(Console.Out));

var snapshot = new Command("snapshot", "hands 1,000,000 series to another generator, and prints the cost");
snapshot.SetAction(_ => Snapshot.Print(Console.Out));

var tenants = new Option<int>("--tenants") { Description = "number of tenants with an entry of their own", DefaultValueFactory = _ => 10_000 };
var overrides = new Command("overrides", "writes a file with the overrides of many tenants, and prints the cost of reloading it") { tenants };
overrides.SetAction(parsed => OverridesBench.Execute(parsed.GetValue(tenants)));

string[] inputNames = [.. AttackInputs.All.Select(static input => input.Name)];
var inputs = new Option<string[]>("--inputs") { Description = "the inputs to measure", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => inputNames }.AcceptOnlyFromAmong(inputNames);
var silo = new Option<string?>("--silo") { Description = "the OrleansTempo.Silo.dll of another build, for a comparison; by default the one built with the bench" };
var attack = new Command("attack", "sends small requests that are designed to cost a lot and ordinary ones of the same length, and prints the cost of both") { inputs, silo };
attack.SetAction((parsed, _) => AttackBench.ExecuteAsync([.. AttackInputs.All.Where(input => parsed.GetValue(inputs)!.Contains(input.Name))], parsed.GetValue(silo)));

string[] eventNames = [.. ClusterEvent.All.Select(static happening => happening.Name)];
var events = new Option<string[]>("--events") { Description = "what happens to the cluster", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => eventNames }.AcceptOnlyFromAmong(eventNames);
var stores = new Option<StoreKind[]>("--stores") { Description = "what it keeps its members and objects in", AllowMultipleArgumentsPerToken = true, DefaultValueFactory = _ => Enum.GetValues<StoreKind>() };
var soak = new Option<int>("--soak") { Description = "instead of the events, all of them for as many minutes, one after another by chance" };
var seed = new Option<int>("--seed") { Description = "which chance" };
var details = new Option<bool>("--details") { Description = "print everything that there is to say of each event" };
var cluster = new Command("cluster", "restarts, cuts off, adds and kills silos under load, and prints what became of everything that was acknowledged") { events, stores, soak, seed, details };
cluster.SetAction((parsed, _) => ClusterBench.ExecuteAsync(
    parsed.GetValue(soak) is > 0 and var minutes ? [ClusterEvent.Soak(TimeSpan.FromMinutes(minutes), parsed.GetValue(seed))] : [.. ClusterEvent.All.Where(happening => parsed.GetValue(events)!.Contains(happening.Name))],
    parsed.GetValue(stores)!,
    parsed.GetValue(details)));

try
{
    return await new RootCommand("Measures OrleansTempo; bench/README.md explains the output. `micro` runs the BenchmarkDotNet benchmarks.") { load, whole, log, lookup, collection, snapshot, overrides, attack, cluster }
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
    result.AddError($"--endpoint {result.Tokens.Single().Value}: must be an absolute URL, such as http://127.0.0.1:4318");
    return null;
}
