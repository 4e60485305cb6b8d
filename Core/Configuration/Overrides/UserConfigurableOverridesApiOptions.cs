namespace OrleansTempo.Core.Configuration.Overrides;

/// <summary><c>overrides.user_configurable_overrides.api</c>.</summary>
public sealed record UserConfigurableOverridesApiOptions
{
    /// <summary>Refuses a tenant's first overrides where the operator has set any of the same fields for it, processors aside.</summary>
    public bool CheckForConflictingRuntimeOverrides { get; init; }
}
