namespace OrleansTempo.Server;

/// <summary>What <see cref="TempoServer"/> listens on and how it tells tenants apart. The defaults are the OpenTelemetry Collector's and Tempo's, on loopback.</summary>
public sealed record TempoServerOptions
{
    /// <summary>OTLP/gRPC, of each receiver at most once.</summary>
    public IReadOnlyList<ListenerOptions> OtlpGrpc { get; init; } = [new() { Endpoint = "localhost:4317", MaxRequestBytes = 16 << 20 }];

    /// <summary>OTLP/HTTP, of each receiver at most once.</summary>
    public IReadOnlyList<ListenerOptions> OtlpHttp { get; init; } = [new() { Endpoint = "localhost:4318" }];

    /// <summary>Tempo's HTTP API, status and metrics pages.</summary>
    public ListenerOptions HttpApi { get; init; } = new() { Endpoint = "localhost:3200" };

    /// <summary>With it every push and query names its tenant in <c>X-Scope-OrgID</c>; without it all is one tenant.</summary>
    public bool MultitenancyEnabled { get; init; }

    /// <summary>Whether a query may name several tenants, as in <c>a|b</c>.</summary>
    public bool MultiTenantQueriesEnabled { get; init; } = true;

    /// <summary>Put before the paths under <c>/api</c>; begins with a slash, or is empty.</summary>
    public string HttpApiPrefix { get; init; } = "";

    /// <summary>Whether callers on other machines may do what is an operator's (<see cref="Api.ApiRoute.AdminMethods"/>).</summary>
    public bool AdminFromAnywhere { get; init; }

    /// <summary>The label that names an exemplar's trace on <c>/generator/metrics</c>.</summary>
    public string TraceIdLabelName { get; init; } = "traceID";
}
