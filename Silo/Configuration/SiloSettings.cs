namespace OrleansTempo.Silo.Configuration;

/// <summary>The <c>OrleansTempo:</c> section: what is a silo's alone and so not in <c>tempo.yaml</c>.</summary>
internal sealed record SiloSettings
{
    public const string Section = "OrleansTempo";

    public DashboardSettings Dashboard { get; init; } = new();
}
