using Microsoft.Extensions.Logging;
using OrleansTempo.Core.Configuration.Storage;

namespace OrleansTempo.Core.Ingester.Log;

/// <summary>
/// Adopts the files that a file-based log left in the directory of a process whose log is now in the object store:
/// <code>
/// each file: append its records to our own log ─► delete the file
/// </code>
/// </summary>
public static class LeftoverLogFiles
{
    // At most this many bytes of records wait for their commits at a time, so that each commit carries many.
    private const long MaxBytesInFlight = 16 << 20;

    /// <summary>
    /// Hands the records of all files, oldest first, to <paramref name="adopt"/>, which appends them to its own log, and deletes each file once all
    /// its records are there.
    /// </summary>
    /// <returns>What was found.</returns>
    /// <exception cref="IOException">The directory cannot be used, or a record could not be adopted; that file and the later ones stay.</exception>
    public static async Task<ReplayResult> AdoptAsync(
        WalIdentity identity, WalOptions options, Func<WalRecord, ValueTask> adopt, TempoMetrics metrics, TimeProvider time, ILogger logger, CancellationToken cancellationToken)
    {
        if (identity.Directory is not { } directory
            || (identity.WrittenSegments.Count == 0 && !WalSegmentFile.NumbersIn(directory).Exists(number => new FileInfo(WalSegmentFile.PathOf(directory, number)).Length > 0)))
            return default;

        await using var files = FileWriteAheadLog.Open(identity, options, metrics, time, logger);
        var inFlight = new List<Task>();
        long bytes = 0, segment = 0;
        var result = await files.ReplayAsync(
            async record =>
            {
                if (record.Segment != segment)
                {
                    await CompleteAsync().ConfigureAwait(false);
                    files.Release(segment = record.Segment);
                }
                else if (bytes > MaxBytesInFlight)
                {
                    await CompleteAsync().ConfigureAwait(false);
                }

                bytes += record.Request.Length;

                // Readable only during this call.
                inFlight.Add(adopt(record with { Request = record.Request.ToArray() }).AsTask());
            },
            cancellationToken).ConfigureAwait(false);
        await CompleteAsync().ConfigureAwait(false);
        files.Release(files.CurrentSegment + 1);
        return result;

        async Task CompleteAsync()
        {
            var tasks = Task.WhenAll(inFlight);
            inFlight.Clear();
            bytes = 0;
            await tasks.ConfigureAwait(false);
        }
    }
}
