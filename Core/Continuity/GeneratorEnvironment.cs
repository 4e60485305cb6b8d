using OrleansTempo.Core.Configuration.Generator;
using OrleansTempo.Core.Objects;
using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Endpoint;

namespace OrleansTempo.Core.Continuity;

/// <summary>What all metrics-generators of a process share.</summary>
public sealed record GeneratorEnvironment
{
    /// <summary>The store that holds the claims; all processes that might write the same series share it.</summary>
    public required IObjectStore Store { get; init; }

    /// <summary>How long an owner that is cut off may continue to send, see <see cref="WriterClaim"/>; infinite if there can be no other owner.</summary>
    public required TimeSpan Lease { get; init; }

    public required SnapshotMode Snapshot { get; init; }

    public required GeneratorStorageOptions Storage { get; init; }

    /// <summary>The endpoints of remote write.</summary>
    public required IReadOnlyList<RemoteWriteEndpoint> Endpoints { get; init; }

    public required RemoteWriteMetrics RemoteWriteMetrics { get; init; }

    public required TempoMetrics Metrics { get; init; }

    public required TimeProvider Time { get; init; }
}
