# A role for the operator with a policy of this directory, associated with its ServiceAccount by EKS Pod Identity.
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.30"
    }
  }
}

variable "cluster_name" {
  description = "Name of the EKS cluster"
  type        = string
}

variable "observe_only" {
  description = "Whether the role can only read: set it to false together with the operator's --observe-only"
  type        = bool
  default     = true
}

data "aws_caller_identity" "current" {}

locals {
  policy = file("${path.module}/../${var.observe_only ? "read-only" : "toggle-only"}.json")
  trust  = file("${path.module}/../trust-pod-identity.json")
}

resource "aws_iam_role" "operator" {
  name               = "codeguru-profiler-operator"
  assume_role_policy = replace(local.trust, "111122223333", data.aws_caller_identity.current.account_id)
}

resource "aws_iam_role_policy" "operator" {
  name   = "codeguru-profiler-operator"
  role   = aws_iam_role.operator.id
  policy = replace(local.policy, "111122223333", data.aws_caller_identity.current.account_id)
}

resource "aws_eks_pod_identity_association" "operator" {
  cluster_name    = var.cluster_name
  namespace       = "codeguru-profiler-system"
  service_account = "codeguru-profiler-operator"
  role_arn        = aws_iam_role.operator.arn
}
