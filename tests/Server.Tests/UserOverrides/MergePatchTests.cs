using System.Text.Json.Nodes;
using OrleansTempo.Server.UserOverrides;

namespace OrleansTempo.Server.Tests.UserOverrides;

/// <summary>Cases of the kinds that RFC 7396 tells apart.</summary>
public sealed class MergePatchTests
{
    [Theory]
    [InlineData("""{"a":1}""", """{"a":2}""", """{"a":2}""")]
    [InlineData("""{"a":1}""", """{"b":2}""", """{"a":1,"b":2}""")]
    [InlineData("""{"a":1,"b":2}""", """{"a":null}""", """{"b":2}""")]
    [InlineData("""{"a":1}""", """{"b":null}""", """{"a":1}""")]
    [InlineData("""{"a":[1,2]}""", """{"a":[3]}""", """{"a":[3]}""")]
    [InlineData("""{"a":[1]}""", """{"a":{"b":2}}""", """{"a":{"b":2}}""")]
    [InlineData("""{"a":{"b":1,"c":2}}""", """{"a":{"b":3,"c":null}}""", """{"a":{"b":3}}""")]
    [InlineData("{}", """{"a":{"b":{"c":null}}}""", """{"a":{"b":{}}}""")]
    [InlineData("""{"a":1}""", "[1]", "[1]")]
    [InlineData("null", """{"a":1}""", """{"a":1}""")]
    [InlineData("""{"a":1}""", "null", "null")]
    public void A_patch_is_merged(string target, string patch, string expected) =>
        Assert.Equal(expected, MergePatch.Apply(JsonNode.Parse(target), JsonNode.Parse(patch))?.ToJsonString() ?? "null");
}
