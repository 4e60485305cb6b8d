using System.Globalization;
using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Bench.Whole;

/// <summary>A silo in its own process, with its own folder and ports.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly int _apiPort = FreePorts.Next(), _grpcPort = FreePorts.Next(), _httpPort = FreePorts.Next();
    private readonly ChildProcess _process;

    private ServerProcess(string settings, int siloPort, IReadOnlyDictionary<string, string> clustering, string? assembly)
    {
        _folder.Write("tempo.yaml", $"""
            server:
              http_listen_address: 127.0.0.1
              http_listen_port: {_apiPort}
            distributor:
              receivers:
                otlp:
                  protocols:
                    grpc:
                      endpoint: 127.0.0.1:{_grpcPort}
                    http:
                      endpoint: 127.0.0.1:{_httpPort}

            """ + settings);
        _process = ChildProcess.Start("dotnet", ["exec", assembly ?? Assembly(), "--config.file=tempo.yaml"], _folder.Path, new Dictionary<string, string>(clustering)
        {
            ["Orleans__Endpoints__SiloPort"] = siloPort.ToString(CultureInfo.InvariantCulture),
            ["Orleans__Endpoints__GatewayPort"] = FreePorts.Next().ToString(CultureInfo.InvariantCulture),
        });
    }

    public int ProcessId => _process.Id;

    public string Output => _process.Output;

    /// <summary>Its working directory, which by default also holds its data.</summary>
    public string Folder => _folder.Path;

    /// <summary>The default directory of its object store.</summary>
    public string Store => Path.Combine(Folder, "data", "blocks");

    public Uri Otlp(bool grpc) => new($"http://127.0.0.1:{(grpc ? _grpcPort : _httpPort)}");

    public Uri Api(string path) => new($"http://127.0.0.1:{_apiPort}{path}");

    /// <summary>Starts it, and waits until it is ready.</summary>
    /// <param name="http">The client that polls whether it is ready.</param>
    /// <param name="settings">Its <c>tempo.yaml</c> without <c>server</c> and <c>distributor</c>.</param>
    /// <param name="siloPort">The port for other silos.</param>
    /// <param name="clustering">Orleans' settings without the ports, as environment variables; none if it runs alone.</param>
    /// <param name="assembly">The silo's DLL, with its dependencies beside it; null for the one built with the bench.</param>
    /// <exception cref="IOException">The process ended before it was ready.</exception>
    public static async Task<ServerProcess> StartAsync(HttpClient http, string settings, int siloPort, IReadOnlyDictionary<string, string> clustering, string? assembly = null)
    {
        var server = new ServerProcess(settings, siloPort, clustering, assembly);
        try
        {
            var ready = await Patience.HoldsAsync(async () => server._process.HasExited || await server.IsReadyAsync(http));
            if (!ready || server._process.HasExited)
                throw new IOException($"the silo {(ready ? $"exited with {server._process.ExitCode}" : "is not ready")}:\n{server.Output}");
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Shuts it down cleanly, and returns its exit code.</summary>
    public Task<int> TerminateAsync() => _process.TerminateAsync();

    public async ValueTask DisposeAsync()
    {
        await _process.DisposeAsync();
        _folder.Dispose();
    }

    private static string Assembly()
    {
        var path = Path.Combine(Repository.Root, "Silo", "bin", "Release", "net10.0", "OrleansTempo.Silo.dll");
        return File.Exists(path) ? path : throw new FileNotFoundException($"{path} is missing: run the bench with -c Release, which builds it");
    }

    private async Task<bool> IsReadyAsync(HttpClient http)
    {
        try
        {
            using var response = await http.GetAsync(Api("/ready"));
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
