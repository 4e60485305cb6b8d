using OrleansTempo.Core;
using OrleansTempo.Core.Blocks.List;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Ingester.Log;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Querier.Traces;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Endpoint;

namespace OrleansTempo.Grains;

/// <summary>The engine that the grains of a silo use; it belongs to the process, not to a grain.</summary>
internal sealed record GrainEngine
{
    /// <summary>The ingester partitions in this silo.</summary>
    public required LocalIngesters Ingesters { get; init; }

    public required BlockList Blocks { get; init; }

    public required Distributor Distributor { get; init; }

    public required TraceQuery Query { get; init; }

    /// <summary>The queues for the metrics-generator grains.</summary>
    public required GeneratorForwarders Generators { get; init; }

    /// <summary>Where grains that silos share by count add themselves.</summary>
    public ActiveGrains Active { get; } = new();

    /// <summary>How many spans wait in those queues.</summary>
    public required QueuedSpans Queued { get; init; }

    /// <summary>The store that holds the claims, shared by all silos.</summary>
    public required IObjectStore Store { get; init; }

    /// <summary>Whether no other process can write to <see cref="Store"/>, so that claims are taken at once and held without renewal.</summary>
    public bool IsExclusive { get; init; }

    public required MetricsGeneratorOptions GeneratorOptions { get; init; }

    public required IOverrides Overrides { get; init; }

    /// <summary>Where remote write goes, for all tenants.</summary>
    public required IReadOnlyList<RemoteWriteEndpoint> Endpoints { get; init; }

    public required RemoteWriteMetrics RemoteWriteMetrics { get; init; }

    /// <summary>The memory that clients' requests are read into.</summary>
    public required RequestMemory RequestMemory { get; init; }

    public required TempoMetrics Metrics { get; init; }

    public required TimeProvider Time { get; init; }
}
