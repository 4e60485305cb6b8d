namespace OrleansTempo.Silo.Configuration;

/// <summary>The <c>OrleansTempo:</c> section: settings of a silo that are not part of <c>tempo.yaml</c>.</summary>
internal sealed record SiloSettings
{
    public const string Section = "OrleansTempo";

    public DashboardSettings Dashboard { get; init; } = new();
}
