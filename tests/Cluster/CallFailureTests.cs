using Orleans.Runtime;
using OrleansTempo.Grains;
using OrleansTempo.Silo.Membership;

namespace OrleansTempo.Cluster;

/// <summary>What an operator and a client read of Orleans' exceptions.</summary>
public class CallFailureTests
{
    private const string Noise = "Request [S10.91.0.11:11111:155145022 sys.client/hosted]->[S10.91.0.13:11111:155145026 trace/t1/0] … #1234";

    public static TheoryData<Exception, string> Failures => new()
    {
        { new TimeoutException($"Response did not arrive on time in 00:00:15 for message: {Noise}"), "its silo did not answer in time" },
        { new SiloUnavailableException($"The target silo became unavailable for message: {Noise}"), "its silo is gone" },
        { new OrleansException($"Forwarding failed: {Noise}"), "its silo is stopping, or cannot be reached" },
        { new AggregateException(new SiloUnavailableException(Noise)), "its silo is gone" },
        { new IOException("the write-ahead log is closed: the process is stopping\r\n   at OrleansTempo.Core…"), "the write-ahead log is closed: the process is stopping" },
        { new InvalidOperationException(new string('x', 400)), new string('x', 300) + "…" },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public void Why_a_call_failed_is_said_in_a_few_words(Exception failure, string reason) => Assert.Equal(reason, CallFailure.Reason(failure));

    [Fact]
    public void A_silo_that_was_declared_dead_says_so_without_the_membership_table()
    {
        var reasons = new List<string>();
        var death = new SiloDeath(reasons.Add);
        death.OnFatalException(null, "I have been told I am dead, so this silo will stop! Reason: The membership view classifies this silo as Dead (in Refresh). Membership: [Version: 7, …", null);
        death.OnFatalException(null, "Cannot continue\nwith details", new IOException("the table is gone"));

        Assert.Equal(
            [
                "the other silos have declared it dead, because they could not reach it, or because it did not answer for a while. If this happens again, check the network between the silos, and whether this one has enough CPU and memory",
                "Cannot continue: the table is gone",
            ],
            reasons);
    }
}
