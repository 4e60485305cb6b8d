namespace OrleansTempo.Core.Configuration.Overrides;

/// <summary><c>overrides.user_configurable_overrides</c>: what tenants set for themselves, by <c>/api/overrides</c>.</summary>
public sealed record UserConfigurableOverridesOptions
{
    public bool Enabled { get; init; }

    /// <summary>How often every process reads them from the object store again.</summary>
    public TimeSpan PollInterval { get; init; } = TimeSpan.FromMinutes(1);

    public UserConfigurableOverridesClientOptions Client { get; init; } = new();

    public UserConfigurableOverridesApiOptions Api { get; init; } = new();
}
