namespace OrleansTempo.Core.Generator.Samples;

/// <summary>Receives the series of a collection one by one; implemented by the remote write encoders and the scrape page.</summary>
public interface ISeriesVisitor
{
    /// <summary>Called once per series, on the generator's turn: it must not block, and must not keep the point.</summary>
    void Visit(in SeriesPoint point);
}
