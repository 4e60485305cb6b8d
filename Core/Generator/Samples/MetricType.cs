namespace OrleansTempo.Core.Generator.Samples;

/// <summary>What a metric family is, in Prometheus' words.</summary>
public enum MetricType
{
    Counter,
    Gauge,
    Histogram,
}
