using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Core.RemoteWrite.Messages;

/// <summary>Encodes the series of one collection as requests of one <see cref="RemoteWriteProtocol"/>. One caller at a time.</summary>
internal interface IWriteRequestEncoder : ISeriesVisitor, IDisposable
{
    /// <summary>The number of series that relabelling dropped.</summary>
    int DroppedSeries { get; }

    /// <summary>Completes the last request, and returns all requests in the order of the series.</summary>
    IReadOnlyList<RemoteWriteRequest> Finish();
}
