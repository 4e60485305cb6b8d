using System.Collections.Concurrent;

namespace OrleansTempo.Core.Objects;

/// <summary>Deletes many objects at once.</summary>
public static class ObjectStoreDeletion
{
    private const int ObjectsAtOnce = 16;

    /// <summary>Deletes as many of the objects as possible.</summary>
    /// <returns>The names of those that could not be deleted.</returns>
    public static async Task<IReadOnlyCollection<string>> DeleteAllAsync(this IObjectStore store, IReadOnlyCollection<string> names, CancellationToken cancellationToken = default)
    {
        var left = new ConcurrentQueue<string>();
        var options = new ParallelOptions { MaxDegreeOfParallelism = ObjectsAtOnce, CancellationToken = cancellationToken };
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
