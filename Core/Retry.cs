namespace OrleansTempo.Core;

/// <summary>
/// Tries again, after a pause, what failed with an <see cref="IOException"/> because something it needs, such as the object store, cannot be reached
/// for the moment. Continues in the caller's context, which may be a grain's.
/// </summary>
/// <param name="time">The clock of the pauses.</param>
/// <param name="pause">How long to wait after a failure; one second by default.</param>
public sealed class Retry(TimeProvider time, TimeSpan? pause = null)
{
    /// <summary>The number of attempts at something that a caller waits for but can do without.</summary>
    public const int Attempts = 3;

    // Short enough that callers hardly wait longer than the fault lasts, and long enough not to burden a service that is recovering.
    private static readonly TimeSpan s_usualPause = TimeSpan.FromSeconds(1);

    private readonly TimeSpan _pause = pause ?? s_usualPause;

    /// <summary>Until it succeeds.</summary>
    /// <param name="attempt">What to do.</param>
    /// <param name="failed">Told of each failure; it logs the first.</param>
    /// <param name="cancellationToken">Ends the pauses; whether it ends an attempt is for that to say.</param>
    public async Task<T> UntilDoneAsync<T>(Func<Task<T>> attempt, Action<IOException> failed, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await attempt();
            }
            catch (IOException e)
            {
                failed(e);
            }

            await PauseAsync(cancellationToken);
        }
    }

    /// <summary><see cref="Attempts"/> times at the most.</summary>
    /// <param name="attempt">What to do.</param>
    /// <param name="cancellationToken">As above.</param>
    /// <returns>What it came to, or why the last attempt failed.</returns>
    public async Task<(T? Done, string? Problem)> SomeTimesAsync<T>(Func<Task<T>> attempt, CancellationToken cancellationToken)
    {
        for (var made = 1; ; made++)
        {
            try
            {
                return (await attempt(), null);
            }
            catch (IOException e)
            {
                if (made == Attempts)
                    return (default, e.Message);
            }

            await PauseAsync(cancellationToken);
        }
    }

    /// <summary>The pause after a failure, for who counts them otherwise.</summary>
    public Task PauseAsync(CancellationToken cancellationToken) => Task.Delay(_pause, time, cancellationToken);
}
