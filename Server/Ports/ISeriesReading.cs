using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Server.Ports;

/// <summary>Reads the series of a tenant family by family and piece by piece, as fast as the page is written.</summary>
public interface ISeriesReading
{
    /// <summary>The families, in the order in which they must be read; a family may have no series.</summary>
    IReadOnlyList<string> Families { get; }

    /// <summary>Visits the next series of a family, those of an entity together.</summary>
    /// <returns>Whether the family has more series.</returns>
    /// <exception cref="IOException">The reading has ended.</exception>
    ValueTask<bool> VisitNextAsync(string family, ISeriesVisitor visitor, CancellationToken cancellationToken);
}
