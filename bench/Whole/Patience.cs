namespace OrleansTempo.Bench.Whole;

/// <summary>Waits for what comes true in its own time.</summary>
internal static class Patience
{
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(60);

    /// <summary>Asks every 100 ms, for a minute at the most; false where it never held.</summary>
    public static async Task<bool> HoldsAsync(Func<Task<bool>> holds)
    {
        var deadline = DateTime.UtcNow + s_longest;
        while (!await holds())
        {
            if (DateTime.UtcNow > deadline)
                return false;
            await Task.Delay(100);
        }

        return true;
    }
}
