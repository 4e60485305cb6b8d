using OrleansTempo.Core.Generator.Samples;

namespace OrleansTempo.Core.RemoteWrite.Messages;

/// <summary>Writes the series of one collection as requests of one <see cref="RemoteWriteProtocol"/>. For one caller at a time.</summary>
internal interface IWriteRequestEncoder : ISeriesVisitor, IDisposable
{
    /// <summary>Series that relabelling left out.</summary>
    int DroppedSeries { get; }

    /// <summary>Cuts what is left and hands over all requests, in the order of the series.</summary>
    IReadOnlyList<RemoteWriteRequest> Finish();
}
