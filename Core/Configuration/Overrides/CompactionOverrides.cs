using OrleansTempo.Core.Configuration.Compactor;

namespace OrleansTempo.Core.Configuration.Overrides;

/// <summary><c>overrides.….compaction</c>: how long one tenant's blocks stay.</summary>
public sealed record CompactionOverrides
{
    /// <summary>A block whose spans were all received this long ago is deleted; zero for <see cref="CompactorOptions.BlockRetention"/>.</summary>
    public TimeSpan BlockRetention { get; init; }

    /// <summary>On: none of the tenant's blocks is ever merged or deleted.</summary>
    public bool CompactionDisabled { get; init; }
}
