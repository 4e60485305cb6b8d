using System.Net.Sockets;
using OrleansTempo.Core.Configuration.Storage;
using OrleansTempo.Core.Overrides;

namespace OrleansTempo.Harness;

/// <summary>
/// Azurite, Microsoft's emulator of the storage service, as a separate process that keeps everything in memory: blobs, and tables if a test wants
/// them. Its npm package is installed beside the tests, as locked in <c>azurite/</c>.
/// </summary>
internal sealed class AzuriteProcess : IAsyncDisposable
{
    // The emulator's only account, the same everywhere and not a secret.
    public const string Account = "devstoreaccount1";
    public const string Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

    private static readonly string Folder = Path.Combine(AppContext.BaseDirectory, "azurite");
    private static readonly Lazy<string?> Installation = new(static () => NpmPackages.Install(Folder));

    private readonly ChildProcess _process;
    private readonly int _port;
    private readonly int? _tablePort;

    private AzuriteProcess(ChildProcess process, string host, int port, int? tablePort)
    {
        Host = host;
        _process = process;
        _port = port;
        _tablePort = tablePort;
    }

    /// <summary>Why it cannot run here; null if it can.</summary>
    public static string? Missing => Installation.Value;

    /// <summary>The address that it listens on.</summary>
    public string Host { get; }

    /// <summary>Host and port of its blobs.</summary>
    public string Address => $"{Host}:{_port}";

    /// <summary>The connection string for the SDK's clients of all its services.</summary>
    public string ConnectionString =>
        $"DefaultEndpointsProtocol=http;AccountName={Account};AccountKey={Key};BlobEndpoint=http://{Address}/{Account};"
        + (_tablePort is { } port ? $"TableEndpoint=http://{Host}:{port}/{Account};" : "");

    public static async Task<AzuriteProcess> StartAsync(bool withTables = false, string host = "127.0.0.1")
    {
        var port = FreePorts.Next();
        int? tablePort = withTables ? FreePorts.Next() : null;
        // Tables come only with the whole emulator, queues included.
        string[] services = tablePort is null
            ? [Path.Combine("blob", "main.js")]
            : ["azurite.js", "--tableHost", host, "--tablePort", $"{tablePort}", "--queueHost", host, "--queuePort", $"{FreePorts.Next()}"];
        var process = ChildProcess.Start(
            "node",
            [
                Path.Combine("node_modules", "azurite", "dist", "src", services[0]),
                .. services[1..],
                "--blobHost", host,
                "--blobPort", $"{port}",
                "--inMemoryPersistence",
                "--skipApiVersionCheck",
                "--disableTelemetry",
                "--silent",
            ],
            Folder);
        foreach (var listener in tablePort is null ? [port] : new[] { port, tablePort.Value })
            await ListensAsync(process, host, listener);
        return new AzuriteProcess(process, host, port, tablePort);
    }

    /// <summary>The settings of a container in it.</summary>
    public AzureStorageOptions Options(string container, string prefix = "") => new()
    {
        ConnectionString = ConnectionString,
        ContainerName = container,
        Prefix = prefix,
    };

    public ValueTask DisposeAsync() => _process.DisposeAsync();

    private static Task ListensAsync(ChildProcess process, string host, int port) => Eventually.GetAsync(
        async () =>
        {
            if (process.HasExited)
                throw new InvalidOperationException($"azurite exited with {process.ExitCode}:\n{process.Output}");
            try
            {
                using var connection = new TcpClient();
                await connection.ConnectAsync(host, port);
                return true;
            }
            catch (SocketException)
            {
                return false;
            }
        },
        listening => listening,
        _ => $"azurite does not listen:\n{process.Output}");
}
