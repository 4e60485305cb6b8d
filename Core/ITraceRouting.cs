using OrleansTempo.Core.Distributor;
using OrleansTempo.Core.Ingester;
using OrleansTempo.Core.Querier;

namespace OrleansTempo.Core;

/// <summary>The way from a process to the ingester partitions that own its spans' traces, wherever they are: what one host does otherwise than another.</summary>
public interface ITraceRouting : IIngesters, ITraceSource
{
    /// <summary>Takes in a record of this process's own log, from before it was started, before any push.</summary>
    /// <exception cref="IOException">It could not be taken in, and must be replayed again.</exception>
    ValueTask ReplayAsync(WalRecord record);

    /// <summary>Takes over a record of a log whose process is gone: it is in the log of a living one when the call completes.</summary>
    /// <exception cref="IOException">It could not be taken over, and stays where it is.</exception>
    ValueTask AdoptAsync(WalRecord record);
}
