namespace OrleansTempo.Core.Configuration.Overrides;

/// <summary><c>overrides</c>: what holds for every tenant, and where the exceptions are.</summary>
public sealed record OverridesOptions
{
    public TenantOverrides Defaults { get; init; } = new();

    /// <summary>The file of tenants' own overrides, relative to the working directory; none when empty.</summary>
    public string PerTenantOverrideConfig { get; init; } = "";

    /// <summary>How often that file is read again.</summary>
    [Option(IsPrometheus = true, AtLeast = "100ms", AtMost = OptionAttribute.LongestWait)]
    public TimeSpan PerTenantOverridePeriod { get; init; } = TimeSpan.FromSeconds(10);

    public UserConfigurableOverridesOptions UserConfigurableOverrides { get; init; } = new();
}
