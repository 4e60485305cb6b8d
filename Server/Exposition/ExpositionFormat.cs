namespace OrleansTempo.Server.Exposition;

/// <summary>The text formats that a Prometheus scrape can ask for.</summary>
internal enum ExpositionFormat
{
    /// <summary>Prometheus text 0.0.4.</summary>
    Prometheus,

    /// <summary>OpenMetrics 1.0, which carries exemplars.</summary>
    OpenMetrics,
}
