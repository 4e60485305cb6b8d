using OrleansTempo.Core;
using OrleansTempo.Core.Blocks.List;
using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.Otlp.Buffers;
using OrleansTempo.Core.Overrides;
using OrleansTempo.Core.Querier.Traces;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Endpoint;

namespace OrleansTempo.Grains;

/// <summary>What grains need of the silo they are in: the engine, which is the process's and not a grain's.</summary>
internal sealed record GrainEngine
{
    /// <summary>The ingester partitions in this silo.</summary>
    public required LocalIngesters Ingesters { get; init; }

    public required BlockList Blocks { get; init; }

    public required Distributor Distributor { get; init; }

    public required TraceQuery Query { get; init; }

    /// <summary>The way to the metrics-generator grains.</summary>
    public required GeneratorForwarders Generators { get; init; }

    /// <summary>Where claims are, which every silo sees.</summary>
    public required IObjectStore Store { get; init; }

    /// <summary>Whether there is no other process that could write to <see cref="Store"/>, so that claims are taken at once and held without being renewed.</summary>
    public bool IsExclusive { get; init; }

    public required MetricsGeneratorOptions GeneratorOptions { get; init; }

    public required IOverrides Overrides { get; init; }

    /// <summary>Where remote write goes, for all tenants.</summary>
    public required IReadOnlyList<RemoteWriteEndpoint> Endpoints { get; init; }

    public required RemoteWriteMetrics RemoteWriteMetrics { get; init; }

    /// <summary>What requests from clients are read into.</summary>
    public required RequestMemory RequestMemory { get; init; }

    public required TempoMetrics Metrics { get; init; }

    public required TimeProvider Time { get; init; }
}
