using System.Net;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Configuration;

namespace OrleansTempo.Server.Hosting;

/// <summary>What a person wants to know when the process has started: what listens where, what is on, where it goes.</summary>
public static partial class StartUpSummary
{
    public static void Write(ILogger logger, TempoOptions options, TempoServer server, IReadOnlyList<string> remoteUrls, bool demo)
    {
        var addresses = server.Addresses;
        foreach (var (name, address) in addresses)
            Listening(logger, name, address);
        if (server.UnprotectedAddresses is { Count: > 0 } unprotected)
        {
            var exposed = unprotected
                .GroupBy(l => l.Key != TempoServer.ApiListener ? "send spans" : options.Server.AdminFromAnywhere ? "read traces, change overrides and shut this process down" : "read traces")
                .Select(static g => $"anyone who reaches {string.Join(" or ", g.Select(static l => $"{l.Key} on {l.Value}"))} can {g.Key}");
            Unprotected(logger, string.Join(", and ", exposed));
        }

        var tenant = options.Overrides.Defaults.MetricsGenerator;
        var processors = tenant.Processors.Count == 0
            ? "none by default; set overrides.defaults.metrics_generator.processors"
            : string.Join(", ", tenant.Processors);
        Processors(logger, processors, options.MultitenancyEnabled ? "named by X-Scope-OrgID" : "one, single-tenant");

        if (remoteUrls.Count == 0)
            NoRemoteWrite(logger);
        foreach (var url in remoteUrls)
            RemoteWrite(logger, url, options.MetricsGenerator.Registry.CollectionInterval.TotalSeconds);
        if (demo)
            Demo(logger, addresses[TempoServer.ApiListener]);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "listening: {Name} on {Address}")]
    private static partial void Listening(ILogger logger, string name, EndPoint address);

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "These listeners are not on loopback, and no caller has to sign in: {Exposed}. Restrict the network, or require client certificates (client_ca_file)")]
    private static partial void Unprotected(ILogger logger, string exposed);

    [LoggerMessage(Level = LogLevel.Information, Message = "metrics-generator: processors {Processors}; tenants: {Tenants}")]
    private static partial void Processors(ILogger logger, string processors, string tenants);

    [LoggerMessage(Level = LogLevel.Information, Message = "remote write: {Url}, every {Seconds} s unless a tenant's overrides say otherwise")]
    private static partial void RemoteWrite(ILogger logger, string url, double seconds);

    [LoggerMessage(Level = LogLevel.Information, Message = "remote write: none configured; series can be scraped from /generator/metrics")]
    private static partial void NoRemoteWrite(ILogger logger);

    [LoggerMessage(Level = LogLevel.Information, Message = "demo: a small shop sends its spans; see http://{Address}/generator/metrics")]
    private static partial void Demo(ILogger logger, EndPoint address);
}
