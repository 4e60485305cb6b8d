using System.Net;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Server;

namespace OrleansTempo.Harness.Fakes;

/// <summary>A real server on free ports of the loopback, its ports in fakes.</summary>
internal sealed class RunningServer : IAsyncDisposable
{
    public const int MaxRequestBytes = 100_000;

    private RunningServer(TempoServerOptions options, Func<TempoServerParts, TempoServerParts> adapt)
    {
        Server = new(options, adapt(new() { Push = Push, Series = Series, Metrics = Metrics, RequestMemory = new RequestMemory(long.MaxValue) }));
    }

    public TempoMetrics Metrics { get; } = new();

    public RecordingPush Push { get; } = new();

    public FixedSeries Series { get; } = new();

    public TempoServer Server { get; }

    public HttpClient Client { get; } = new();

    public static TempoServerOptions Options { get; } = new()
    {
        OtlpGrpc = [new() { Endpoint = "127.0.0.1:0", MaxRequestBytes = MaxRequestBytes }],
        OtlpHttp = [new() { Endpoint = "127.0.0.1:0", MaxRequestBytes = MaxRequestBytes }],
        HttpApi = new() { Endpoint = "127.0.0.1:0" },
    };

    public static async Task<RunningServer> StartAsync(TempoServerOptions? options = null, Func<TempoServerParts, TempoServerParts>? adapt = null, bool ready = true)
    {
        var running = new RunningServer(options ?? Options, adapt ?? (static parts => parts));
        await running.Server.StartAsync(CancellationToken.None);
        if (ready)
            running.Server.MarkReady();
        return running;
    }

    public int Port(string listener) => ((IPEndPoint)Server.Addresses[listener]).Port;

    public string Otlp(string path = "/v1/traces", string scheme = "http") => $"{scheme}://127.0.0.1:{Port("otlp/http")}{path}";

    public string Api(string path) => $"http://127.0.0.1:{Port("http api")}{path}";

    public string Grpc(string scheme = "http") => $"{scheme}://127.0.0.1:{Port("otlp/grpc")}";

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(5));
        await Server.StopAsync(patience.Token);
        await Server.DisposeAsync();
    }
}
