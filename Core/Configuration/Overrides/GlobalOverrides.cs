namespace OrleansTempo.Core.Configuration.Overrides;

/// <summary><c>overrides.….global</c>.</summary>
public sealed record GlobalOverrides
{
    /// <summary>The size at which a trace takes no more spans; 0 for no limit.</summary>
    public long MaxBytesPerTrace { get; init; } = 5_000_000;
}
