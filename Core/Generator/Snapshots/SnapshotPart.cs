using OrleansTempo.Core.Generator.SpanMetrics;

namespace OrleansTempo.Core.Generator.Snapshots;

/// <summary>Whose table it is that stands in a snapshot; the numbers are the format's.</summary>
internal enum SnapshotPart : byte
{
    SpanMetrics = 0,
    TargetInfo = 1,
    ServiceGraphs = 2,

    /// <summary>Nobody's any more: its series end with the next collection.</summary>
    Retired = 3,

    HostInfo = 4,
}
