namespace OrleansTempo.Bench.Whole;

/// <summary>Waits for a condition to become true.</summary>
internal static class Patience
{
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(60);

    /// <summary>Polls every 100 ms, for at most a minute; false if the condition was never true.</summary>
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
