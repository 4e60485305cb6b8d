using OrleansTempo.Core.RemoteWrite;
using OrleansTempo.Core.RemoteWrite.Queue;

namespace OrleansTempo.Core.Tests.RemoteWrite.Queue;

internal static class StoredQueues
{
    /// <summary>Puts a collection that is kept; null where another owner has followed.</summary>
    public static async Task<StoredCollection?> PutAsync(this StoredQueue queue, IReadOnlyList<RemoteWriteRequest> requests, long timestampMs)
    {
        StoredCollection? kept = null;
        await queue.PutAsync(
            () => (requests, timestampMs),
            stored =>
            {
                kept = stored;
                return true;
            });
        return kept;
    }
}
