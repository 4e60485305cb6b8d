namespace OrleansTempo.Core.Generator.Samples;

/// <summary>Takes the series of a collection one by one: the remote write encoder, the scrape page.</summary>
public interface ISeriesVisitor
{
    /// <summary>Called once per series, on the generator's own turn: it must not block and must not keep the point.</summary>
    void Visit(in SeriesPoint point);
}
