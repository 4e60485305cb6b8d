using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using OrleansTempo.Core;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Server.Api;
using OrleansTempo.Server.Configuration.Tenants;
using OrleansTempo.Server.Ports;

namespace OrleansTempo.Server;

/// <summary>What a host plugs into <see cref="TempoServer"/>.</summary>
public sealed record TempoServerParts
{
    public required ITracePush Push { get; init; }

    public required ITenantSeries Series { get; init; }

    /// <summary>Where requests are counted and measured.</summary>
    public required TempoMetrics Metrics { get; init; }

    /// <summary>What requests are received into.</summary>
    public required RequestMemory RequestMemory { get; init; }

    /// <summary>Finds traces; null for none, and <c>/api/traces</c> and <c>/api/v2/traces</c> are not there.</summary>
    public ITraceQuery? Traces { get; init; }

    /// <summary>What <c>/flush</c> and <c>/shutdown</c> ask; null for none, and neither path is there.</summary>
    public IIngesterAdmin? Ingester { get; init; }

    /// <summary>What <c>/status/remote-write</c> shows; null for none, and the path is not there.</summary>
    public IRemoteWriteOverview? RemoteWrite { get; init; }

    /// <summary>Tenants' overrides, for the pages about them and, where tenants may set some themselves, <c>/api/overrides</c>; null for none, and none of these is there.</summary>
    public ConfiguredOverrides? Overrides { get; init; }

    /// <summary>Why the process takes no spans although its server is ready, in a few words; null where nothing is in the way.</summary>
    public Func<string?> NotReadyBecause { get; init; } = static () => null;

    /// <summary>The configuration in use, secrets masked, for <c>/status/config</c>.</summary>
    public Func<string> ConfigText { get; init; } = static () => "";

    /// <summary>The components and how they are, for <c>/status/services</c>.</summary>
    public Func<IReadOnlyList<ServiceStatus>> Services { get; init; } = static () => [];

    /// <summary>Further paths of the HTTP API; one that is there already takes its place.</summary>
    public IReadOnlyList<ApiRoute> Routes { get; init; } = [];

    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;
}
