using FsCheck;
using FsCheck.Fluent;
using OrleansTempo.Core.Objects;

namespace OrleansTempo.Core.Tests.Objects;

public sealed class TenantFolderTests
{
    private const string Allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!-_.*'()";

    // More long names, and names that differ only in case, than chance would produce.
    private static readonly Arbitrary<TenantId> s_tenants =
        (from length in Gen.Frequency((5, Gen.Choose(1, 8)), (1, Gen.Choose(70, 100)), (1, Gen.Choose(101, TenantId.MaxLength)))
         from alphabet in Gen.Elements(Allowed, "aA.", "conCON.1")
         from characters in Gen.ArrayOf(Gen.Elements(alphabet.ToCharArray()), length)
         let text = new string(characters)
         where text is not ("." or "..")
         select Tenant(text)).ToArbitrary();

    [Theory]
    [InlineData("single-tenant", "single-tenant")]
    [InlineData("team_7", "team_7")]
    [InlineData("Team.A", "%54eam%2e%41")]
    [InlineData("...", "%2e%2e%2e")]
    [InlineData("!*'()", "%21%2a%27%28%29")]
    [InlineData("con", "%63on")]
    [InlineData("lpt9", "%6cpt9")]
    [InlineData("conway", "conway")]
    public void Common_names_stay_readable(string tenant, string folder)
    {
        Assert.Equal(folder, TenantFolder.Of(Tenant(tenant)));
        Assert.True(TenantFolder.TryRead(folder, out var read));
        Assert.Equal(tenant, read.Value);
    }

    [Fact]
    public void The_longest_names_fit_into_a_file_name()
    {
        Assert.Equal(string.Concat(Enumerable.Repeat("%41", 85)), TenantFolder.Of(Tenant(new string('A', 85))));

        // Where percent-encoding is too long: base32 of "AAAAA" is ifaucqkb.
        Assert.Equal("=" + string.Concat(Enumerable.Repeat("ifaucqkb", 30)), TenantFolder.Of(Tenant(new string('A', 150))));
    }

    [Fact]
    public void Every_folder_is_one_segment_that_reads_back() => Prop.ForAll(s_tenants, static tenant =>
    {
        var folder = TenantFolder.Of(tenant);
        return folder.Length <= EscapedSegment.MaxLength && ObjectName.IsSegment(folder) && folder == folder.ToLowerInvariant()
            && TenantFolder.TryRead(folder, out var read) && read == tenant;
    }).QuickCheckThrowOnFailure();

    [Fact]
    public void No_two_tenants_share_a_folder_even_without_case() => Prop.ForAll(s_tenants, s_tenants, static (one, other) =>
        one == other || !TenantFolder.Of(one).Equals(TenantFolder.Of(other), StringComparison.OrdinalIgnoreCase)).QuickCheckThrowOnFailure();

    [Theory]
    [InlineData("")]
    [InlineData("Team")]
    [InlineData("%41%4")]
    [InlineData("%4A")]
    [InlineData("%61")]
    [InlineData("%zz")]
    [InlineData("%2e")]
    [InlineData("con")]
    [InlineData("=")]
    [InlineData("=ifaucqkb")]
    [InlineData("=1")]
    [InlineData("a b")]
    public void Folders_that_no_tenant_has_are_refused(string folder) => Assert.False(TenantFolder.TryRead(folder, out _));

    private static TenantId Tenant(string text) => TenantId.TryParse(text, out var tenant, out var error) ? tenant : throw new ArgumentException(error);
}
