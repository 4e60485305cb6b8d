using System.Collections.Concurrent;

namespace OrleansTempo.Core.Storage;

/// <summary>What is done to many objects at once.</summary>
internal static class ManyObjects
{
    private const int AtOnce = 16;

    /// <summary>Deletes objects, as many as can be deleted.</summary>
    /// <returns>The names of those that could not.</returns>
    public static async Task<IReadOnlyCollection<string>> DeleteAllAsync(this IObjectStore store, IReadOnlyCollection<string> names, CancellationToken cancellationToken = default)
    {
        var left = new ConcurrentQueue<string>();
        var options = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken };
        await Parallel.ForEachAsync(names, options, async (name, cancellation) =>
        {
            try
            {
                await store.DeleteAsync(name, cancellation).ConfigureAwait(false);
            }
            catch (IOException)
            {
                left.Enqueue(name);
            }
        }).ConfigureAwait(false);
        return left;
    }
}
