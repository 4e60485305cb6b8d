using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Endpoint;

namespace OrleansTempo.Core.Continuity;

/// <summary>What the metrics-generators of a process have in common.</summary>
public sealed record GeneratorEnvironment
{
    /// <summary>Where claims are; all who might write the same series share it.</summary>
    public required IObjectStore Store { get; init; }

    /// <summary>How long an owner that is cut off may go on sending, see <see cref="WriterClaim"/>; infinite where there can be no other.</summary>
    public required TimeSpan Lease { get; init; }

    public required SnapshotMode Snapshot { get; init; }

    public required GeneratorStorageOptions Storage { get; init; }

    /// <summary>Where remote write goes.</summary>
    public required IReadOnlyList<RemoteWriteEndpoint> Endpoints { get; init; }

    public required RemoteWriteMetrics RemoteWriteMetrics { get; init; }

    public required TempoMetrics Metrics { get; init; }

    public required TimeProvider Time { get; init; }
}
