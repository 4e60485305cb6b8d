using System.Net;
using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Configuration;

namespace OrleansTempo.Server.Hosting;

/// <summary>Logs what an operator wants to know at the start: what listens where, what is enabled, and where metrics go.</summary>
public static partial class StartUpSummary
{
    public static void Write(ILogger logger, TempoOptions options, TempoServer server, IReadOnlyList<string> remoteUrls, bool demo)
    {
        var addresses = server.Addresses;
        foreach (var (name, address) in addresses)
            LogListening(logger, name, address);
        if (server.UnprotectedAddresses is { Count: > 0 } unprotected)
        {
            var exposed = unprotected
                .GroupBy(l => l.Key != TempoServer.ApiListener ? "send spans" : options.Server.AdminFromAnywhere ? "read traces, change overrides and shut this process down" : "read traces")
                .Select(static g => $"anyone who reaches {string.Join(" or ", g.Select(static l => $"{l.Key} on {l.Value}"))} can {g.Key}");
            LogUnprotected(logger, string.Join(", and ", exposed));
        }

        var tenant = options.Overrides.Defaults.MetricsGenerator;
        var processors = tenant.Processors.Count == 0
            ? "none by default; set overrides.defaults.metrics_generator.processors"
            : string.Join(", ", tenant.Processors);
        LogProcessors(logger, processors, options.MultitenancyEnabled ? "named by X-Scope-OrgID" : "one, single-tenant");

        if (remoteUrls.Count == 0)
            LogNoRemoteWrite(logger);
        foreach (var url in remoteUrls)
            LogRemoteWrite(logger, url, options.MetricsGenerator.Registry.CollectionInterval.TotalSeconds);
        if (demo)
            LogDemo(logger, addresses[TempoServer.ApiListener]);
    }

    [LoggerMessage(2006, LogLevel.Information, "Listening for {Name} on {Address}")]
    private static partial void LogListening(ILogger logger, string name, EndPoint address);

    [LoggerMessage(2007, LogLevel.Warning, "These listeners are not on loopback, and no caller has to sign in: {Exposed}. Restrict the network, or require client certificates (client_ca_file)")]
    private static partial void LogUnprotected(ILogger logger, string exposed);

    [LoggerMessage(2008, LogLevel.Information, "Metrics-generator processors: {Processors}; tenants: {Tenants}")]
    private static partial void LogProcessors(ILogger logger, string processors, string tenants);

    [LoggerMessage(2009, LogLevel.Information, "Remote write goes to {Url} every {Seconds} s unless a tenant's overrides say otherwise")]
    private static partial void LogRemoteWrite(ILogger logger, string url, double seconds);

    [LoggerMessage(2010, LogLevel.Information, "Remote write is not configured; series can be scraped from /generator/metrics")]
    private static partial void LogNoRemoteWrite(ILogger logger);

    [LoggerMessage(2011, LogLevel.Information, "Demo: a small shop sends its spans; see http://{Address}/generator/metrics")]
    private static partial void LogDemo(ILogger logger, EndPoint address);
}
