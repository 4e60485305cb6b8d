using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Server.Ports;

/// <summary>A tenant's series, read family by family and some at a time, as fast as they are written.</summary>
public interface ISeriesReading
{
    /// <summary>The families, in the order in which they are to be read; one of them may have no series.</summary>
    IReadOnlyList<string> Families { get; }

    /// <summary>Visits the next of a family's series, those of an entity together.</summary>
    /// <returns>Whether there are more of it.</returns>
    /// <exception cref="IOException">They are not there any more.</exception>
    ValueTask<bool> VisitNextAsync(string family, ISeriesVisitor visitor, CancellationToken cancellationToken);
}
