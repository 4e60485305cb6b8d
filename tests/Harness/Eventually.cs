using Xunit.Sdk;

namespace OrleansTempo.Harness;

/// <summary>Waits for what another process does in its own time: asks again until it holds, and fails with the last answer.</summary>
internal static class Eventually
{
    // Only how long a broken test takes to fail: a busy machine must not turn a right answer into a wrong one.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    // One answer may take longer than all of that: a flush waits for its next try. One that never comes is an error of its own.
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>Asks until <paramref name="holds"/> is true of the answer, and returns that answer.</summary>
    public static async Task<T> GetAsync<T>(Func<Task<T>> ask, Func<T, bool> holds, Func<T, string> describe)
    {
        var deadline = DateTime.UtcNow + Patience;
        while (true)
        {
            var answer = await AnswerAsync(ask());
            if (holds(answer))
                return answer;
            if (DateTime.UtcNow > deadline)
                throw new XunitException($"still not so after {Patience.TotalSeconds} s: {describe(answer)}");
            await Task.Delay(Pause);
        }
    }
    private static async Task<T> AnswerAsync<T>(Task<T> answer)
    {
        try
        {
            return await answer.WaitAsync(AnswerLimit);
        }
        catch (TimeoutException) when (!answer.IsCompleted)
        {
            throw new XunitException($"no answer after {AnswerLimit.TotalSeconds} s");
        }
    }
}
