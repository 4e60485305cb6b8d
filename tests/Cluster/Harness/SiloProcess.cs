using System.Globalization;
using OrleansTempo.Integration.Harness;

namespace OrleansTempo.Cluster.Harness;

/// <summary>The Silo program as one member of a cluster.</summary>
internal sealed class SiloProcess : TempoProcess
{
    private readonly IReadOnlyDictionary<string, string> _environment;

    private SiloProcess(TempoSettings settings, int siloPort, int gatewayPort, IReadOnlyDictionary<string, string> clustering) : base("Silo", settings)
    {
        SiloPort = siloPort;
        _environment = new Dictionary<string, string>(clustering)
        {
            ["Orleans__Endpoints__AdvertisedIPAddress"] = "127.0.0.1",
            ["Orleans__Endpoints__SiloPort"] = siloPort.ToString(CultureInfo.InvariantCulture),
            ["Orleans__Endpoints__GatewayPort"] = gatewayPort.ToString(CultureInfo.InvariantCulture),
        };
        GatewayPort = gatewayPort;
    }

    public int SiloPort { get; }

    public int GatewayPort { get; }

    protected override IReadOnlyDictionary<string, string> Environment => _environment;

    /// <summary>Starts it and waits until it is ready.</summary>
    /// <param name="settings">Its configuration.</param>
    /// <param name="clustering">Orleans' settings but for the ports, as environment variables.</param>
    /// <param name="siloPort">Its port for other silos; any by default.</param>
    public static async Task<SiloProcess> StartAsync(TempoSettings settings, IReadOnlyDictionary<string, string> clustering, int? siloPort = null)
    {
        var silo = new SiloProcess(settings, siloPort ?? FreePorts.Next(), FreePorts.Next(), clustering);
        try
        {
            await silo.StartAgainAsync();
            return silo;
        }
        catch
        {
            await silo.DisposeAsync();
            throw;
        }
    }

    /// <summary>Runs it on what ends it by itself; returns its exit code and all it printed.</summary>
    public static Task<(int ExitCode, string Output)> RunToEndAsync(string yaml, IReadOnlyDictionary<string, string> environment, params string[] arguments) =>
        RunToEndAsync("Silo", yaml, arguments, environment);
}
